//! The words of an emergency contact's phone.

super::language::words! {
    /// A text of the contact's phone.
    PhoneWord, phone {
        Idle = "No call right now",
        IdleNote = "Keep this page open. It rings when the monitoring center calls you.",
        Asked = "May {0} call you in an emergency?",
        AskedNote = "When help is requested there, the monitoring center calls you before it is sent. You say whether it is real, or call it off.",
        Agree = "Yes, call me",
        Refuse = "No, do not call me",
        StopCalling = "Do not call me any more",
        Remember = "Do you remember the verbal password of {0}?",
        RememberNote = "Whoever calls help off must say it. Do not type it here; only say whether you still know it.",
        RememberYes = "Yes, I remember it",
        RememberNo = "No, tell me again",
        NotCalled = "{0} will not call you",
        NotCalledNote = "The people there see that you do not want to be called.",
        AgreeAgain = "Call me after all",
        Unknown = "This link does not work any more",
        UnknownNote = "Ask the person who sent it for a new one. If somebody is in danger, call 911 or 112.",
        Caller = "Monitoring center",
        Answer = "Answer",
        Decline = "Decline",
        HangUp = "Hang up",
        Confirm = "Yes, send help",
        CallOff = "No, call it off",
        Heard = "I have heard",
        VerbalPassword = "Verbal password",
        SayPassword = "Call it off",
        Received = "Thank you. We have received it",
        ReceivedNote = "You may close this page.",
        AskedAgain = "Somebody there has asked again since.",
        NotReached = "That did not reach us. Try again.",
        AskedAt = "{0} requested at {1}",
        IsItReal = "{0} requested at {1}. Is this a real emergency?",
        BeingSent = "{0} requested at {1}. Help is being sent.",
    }
}
