//! Stills of real cameras: converts the last keyframe to JPEG with ffmpeg, if the configuration
//! names one.

use super::{
    fmp4::Fmp4,
    picture::{Format, Picture},
};
use axum::body::Bytes;
use std::{io, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// The timeout. An ffmpeg that takes longer is killed.
const WITHIN: Duration = Duration::from_secs(5);
/// Width of a still, pixels; the height follows.
const WIDTH: u32 = 640;

/// Converts a keyframe to a still.
///
/// # Errors
/// A format that [`Fmp4`] does not support, or an ffmpeg that cannot be started, takes too long or
/// makes nothing.
pub async fn jpeg(ffmpeg: &Path, format: &Format, picture: &Picture) -> io::Result<Bytes> {
    let (mut fmp4, mut file) = Fmp4::begin(format)?;
    fmp4.add(true, picture.at_us, picture.unit())?;
    file.extend(fmp4.fragment());
    let scale = format!("scale='min({WIDTH},iw)':-2");
    let mut child = Command::new(ffmpeg)
        .args([
            "-loglevel",
            "error",
            "-i",
            "pipe:0",
            "-frames:v",
            "1",
            "-vf",
            &scale,
            "-q:v",
            "5",
            "-f",
            "mjpeg",
            "pipe:1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child.stdin.take().ok_or_else(|| io::Error::other("no way in"))?;
    let feed = async move {
        // ffmpeg may close the pipe before the end, when it has the picture.
        let _ = input.write_all(&file).await;
        drop(input);
    };
    let (output, ()) = timeout(WITHIN, async { tokio::join!(child.wait_with_output(), feed) })
        .await
        .map_err(io::Error::other)?;
    let output = output?;
    match output.status.success() && output.stdout.starts_with(b"\xff\xd8") {
        true => Ok(output.stdout.into()),
        false => Err(io::Error::other("ffmpeg made no still")),
    }
}
