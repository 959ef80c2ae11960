//! Parts of screens. Each shows what it is given and says what the person did.

mod call_card;
mod countdown;
mod ended;
mod icon;
mod not_sent;
mod overlay;
mod part;
mod picture;
mod ready;
mod running;
mod sheet;
mod shield;
mod slide;
mod timeline;
mod why;

pub use call_card::CallCard;
pub use countdown::CountdownScreen;
pub use ended::EndedScreen;
pub use icon::Icon;
pub use not_sent::NotSent;
pub use overlay::Overlay;
pub use part::{part, press, text, whether};
pub use picture::Picture;
pub use ready::ReadyCard;
pub use running::RunningScreen;
pub use sheet::{Sheet, SheetHandle};
pub use shield::{Shield, ShieldShape};
pub use slide::Slide;
pub use timeline::Timeline;
pub use why::WhyButton;
