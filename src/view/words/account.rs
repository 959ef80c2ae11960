//! The words of passkeys, recovery codes, and restricted devices.

super::language::words! {
    /// A text about how an account is opened.
    AccountWord, account {
        UsePasskey = "Use a passkey",
        NotUsed = "No passkey was used. Try again, or use your password.",
        UseCode = "Use a recovery code",
        Code = "Recovery code",
        SignInWithCode = "Continue with the code",

        Passkeys = "Passkeys",
        PasskeysNote = "A passkey signs you in with your fingerprint, your face or the code of this device. Nobody can guess or steal it from afar.",
        PasskeysElsewhere = "Passkeys work at the address {0}. Open Buckler there to add one.",
        PasskeysOff = "This server does not know its own address, which passkeys need: it is given with --public-url.",
        NoPasskeys = "None yet",
        AddPasskey = "Add a passkey",
        AddingPasskey = "Waiting for your device…",
        PasskeyMade = "Added {0}, last used {1}",
        RemovePasskey = "Remove",
        RemovePasskeySure = "Tap again to remove it",

        Codes = "Recovery codes",
        CodesNote = "For the day when your devices are lost: each code signs you in once. Keep them on paper, away from your devices.",
        CodesLeft = "{0} left",
        MakeCodes = "Make new codes",
        MakeCodesSure = "Tap again: older codes stop working",
        CodesOnce = "They are shown this once. Copy or print them now.",
        CopyCodes = "Copy",
        CopiedCodes = "Copied",
        PrintCodes = "Print",
        CodesKept = "I have kept them",

        Restricted = "This device cannot request help yet",
        RestrictedNote = "It was signed in without your passkey, as a stranger with your password would do it. Sirens and practice work. It changes nothing, and ends only what it began. Until {0}, call {1} yourself; or allow this device now.",
        AllowHere = "Allow with my passkey",
        AllowElsewhere = "On another signed-in device, go to Settings, Sign-in and devices, and tap Allow.",
        DeviceRestricted = "Cannot request help until {0}",
        Allow = "Allow",
        AllowSure = "Tap again if it is yours",
        RestrictNewDevices = "Hold new devices",
        RestrictNewDevicesLabel = "Hold devices that come without a passkey",
        RestrictNewDevicesNote = "For a day, a device that somebody signs in without their passkey can only look, sound sirens and practice. This stops strangers with a stolen password from sending anybody to your door.",
        ProofPasskey = "Use a passkey instead",
        PasswordByPasskey = "Use your passkey instead",
    }
}
