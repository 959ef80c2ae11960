//! Screens with an address of their own.

mod contact;
mod dashboard;
mod live_view;
mod sign_in;

pub use contact::Contact;
pub use dashboard::Dashboard;
pub use live_view::LiveView;
pub use sign_in::SignIn;
