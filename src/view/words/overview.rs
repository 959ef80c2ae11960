//! The words of the dashboard below its shield. They come after the first load.

super::language::words! {
    /// A text of the dashboard below its shield.
    OverviewWord, overview {
        Latest = "Latest",
        NoContacts = "Nobody yet. Without a contact help is sent without asking anybody first.",
        NoIncidents = "Nothing has happened here",
        OpenPhone = "Open phone",
        OnlineQuiet = "Online, quiet",
        Online = "Online",
        DeviceOffline = "Offline",
        ContactNoLink = "No link yet: cannot be called",
        ContactInvited = "Link made, no answer yet",
        ContactOptedOut = "Does not want to be called",
        More = "More",
        Stopped = "An SOS has stopped",
        StoppedNote = "The server cannot process the SOS of {0}. Nothing more happens in it. If help is still needed, send a new SOS, or call 911 or 112.",
        ChangedAddress = "{0} changed where help is sent",
        ChangedContacts = "{0} changed the emergency contacts",
        ChangedLink = "{0} made another link for a contact",
        ChangedSomething = "{0} changed something in this home",
    }
}
