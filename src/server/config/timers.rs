//! The timers of new incidents and of proofs of identity, and their bounds.

use super::{ConfigError, File, Options};
use crate::domain::incident::{CenterMode, Policy};
use std::{fmt, time::Duration};

/// The least and the greatest value of a duration, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds(u64, u64);

impl Bounds {
    fn contains(self, duration: Duration) -> bool {
        (Duration::from_secs(self.0)..=Duration::from_secs(self.1)).contains(&duration)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}s to {}s", self.0, self.1)
    }
}

/// Bounds of the ring timeout.
const RING: Bounds = Bounds(10, 60);
/// Bounds of the talk timeout.
const TALK: Bounds = Bounds(20, 120);
/// Bounds of the time in which operators must claim an incident.
const UNCLAIMED: Bounds = Bounds(30, 180);
/// Bounds of how long a proof of identity counts.
const PROOF: Bounds = Bounds(60, 3_600);
/// How long a proof of identity counts by default.
const PROOF_LASTS: Duration = Duration::from_secs(600);

/// The timers, as options and file say.
pub(super) struct Timers {
    /// The timers of new incidents.
    pub(super) policy: Policy,
    /// How long after a proof of identity a home can be changed.
    pub(super) proof_lasts: Duration,
}

impl Timers {
    /// Combines options, file and defaults.
    ///
    /// # Errors
    /// A duration that is not one, or is out of bounds.
    pub(super) fn new(options: &Options, file: &File) -> Result<Self, ConfigError> {
        let center = &file.center;
        let choose = |key, option, file: &Option<String>, bounds| {
            choose(key, option, file.as_deref(), bounds, options.demo)
        };
        let ring =
            choose("center.ring_timeout", options.center_ring_timeout, &center.ring_timeout, RING)?;
        let talk =
            choose("center.talk_timeout", options.center_talk_timeout, &center.talk_timeout, TALK)?;
        let unclaimed = choose("center.unclaimed_after", None, &center.unclaimed_after, UNCLAIMED)?;
        let proof_lasts = choose("proof_lasts", options.proof_lasts, &file.proof_lasts, PROOF)?
            .unwrap_or(PROOF_LASTS);
        let mode = center.mode.unwrap_or(CenterMode::Automatic);
        // The automatic center calls contacts. Only a demo has (simulated) responders behind it.
        let connected = mode != CenterMode::Automatic || options.demo;
        let mut policy = Policy { center: mode, connected, ..Policy::default() };
        policy.ring_timeout_ms = ring.map_or(policy.ring_timeout_ms, |d| d.as_millis() as u64);
        policy.unclaimed_after_ms =
            unclaimed.map_or(policy.unclaimed_after_ms, |d| d.as_millis() as u64);
        policy.talk_timeout_ms = talk.map_or(policy.talk_timeout_ms, |d| d.as_millis() as u64);
        Ok(Self { policy, proof_lasts })
    }
}

/// The duration of the option, or else of the file. A demo may be faster than the least value.
fn choose(
    key: &'static str,
    option: Option<Duration>,
    file: Option<&str>,
    Bounds(least, most): Bounds,
    demo: bool,
) -> Result<Option<Duration>, ConfigError> {
    let bounds = Bounds(if demo { 1 } else { least }, most);
    let parse = |text: &str| {
        humantime::parse_duration(text).map_err(|source| ConfigError::NotADuration {
            key,
            bounds,
            text: text.into(),
            source,
        })
    };
    let parsed = file.map(parse).transpose()?;
    match option.or(parsed) {
        Some(value) if !bounds.contains(value) => Err(ConfigError::Duration { key, bounds, value }),
        chosen => Ok(chosen),
    }
}

/// Formats a duration as in the file.
pub(super) fn written(ms: u64) -> String {
    humantime::format_duration(Duration::from_millis(ms)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Config;

    #[test]
    fn timers_keep_their_bounds_and_only_a_demo_may_hurry() {
        let ring = |seconds, demo| {
            Config::new(Options {
                center_ring_timeout: Some(Duration::from_secs(seconds)),
                demo,
                ..Options::default()
            })
            .map(|c| c.policy.ring_timeout_ms)
            .map_err(|error| error.to_string())
        };
        assert_eq!(ring(30, false), Ok(30_000));
        assert_eq!(ring(1, true), Ok(1_000));
        assert_eq!(
            ring(1, false),
            Err("center.ring_timeout must be from 10s to 60s, not 1s".into())
        );
        assert_eq!(
            ring(61, true),
            Err("center.ring_timeout must be from 1s to 60s, not 1m 1s".into())
        );
    }
}
