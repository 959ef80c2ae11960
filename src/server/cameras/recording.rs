//! Clips: files with the pictures of a camera from ten seconds before to thirty after a request for
//! help from its Live View.

use super::{
    Cameras,
    fmp4::Fmp4,
    picture::{Format, Picture},
};
use crate::{
    domain::{
        id::{CameraId, HomeId, IncidentId},
        time::Timestamp,
    },
    server::private,
};
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The time before the press.
const BEFORE: Duration = Duration::from_secs(10);
/// The time after it.
const AFTER: Duration = Duration::from_secs(30);
/// The most clips that are kept.
const CLIPS_MOST: usize = 200;
/// The most bytes that all clips may have together.
const BYTES_MOST: u64 = 512 << 20;
/// The recording of a clip stops after this many bytes of pictures from after the press.
const BYTES_ONE: usize = 64 << 20;

/// The clips of incidents, in their own folder.
pub struct Clips {
    folder: PathBuf,
}

impl Clips {
    /// The clips in the data folder.
    pub fn new(data: &Path) -> Self {
        Self { folder: data.join("clips") }
    }

    /// The path of the clip of an incident, whether it exists or not.
    pub fn file(&self, incident: IncidentId) -> PathBuf {
        self.folder.join(format!("{incident}.mp4"))
    }

    /// Records a clip around this moment. Returns after the recording. A clip that cannot be stored
    /// is missing and affects nothing else.
    pub async fn keep(
        &self,
        cameras: &Arc<Cameras>,
        home: &HomeId,
        camera: &CameraId,
        incident: IncidentId,
        at: Timestamp,
    ) {
        let Some(stream) = cameras.open(home, camera) else { return };
        // The recording counts as a viewer, so the stream stays open if all others leave.
        let Some((format, mut pictures, mut feed)) =
            stream.record((at - BEFORE).as_millis() * 1_000)
        else {
            return;
        };
        let mut bytes = 0;
        let more = async {
            while let Some(picture) = feed.next().await {
                bytes += picture.message.len();
                pictures.push(picture);
                if bytes > BYTES_ONE {
                    break;
                }
            }
        };
        // A recording that ends earlier is stored as far as it got.
        let _ = tokio::time::timeout(AFTER, more).await;
        let file = self.file(incident);
        let written = tokio::task::spawn_blocking(move || {
            let bytes = fmp4(&format, &pictures)?;
            write(&file, &bytes)
        });
        match written.await {
            Ok(Ok(())) => tracing::info!(%incident, "stored a clip of an incident"),
            Ok(Err(error)) => {
                tracing::error!(%incident, %error, "could not store a clip of an incident")
            }
            Err(error) => {
                tracing::error!(%incident, %error, "could not store a clip of an incident")
            }
        }
    }
}

/// Writes a temporary file, renames it, and then deletes the oldest clips beyond the limits.
fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    private::folder(folder)?;
    let half = file.with_extension("half");
    // A server that was stopped may have left one.
    let _ = std::fs::remove_file(&half);
    private::new_file(&half)?.write_all(bytes)?;
    std::fs::rename(&half, file)?;
    tidy(folder, CLIPS_MOST, BYTES_MOST)
}

fn tidy(folder: &Path, clips_most: usize, bytes_most: u64) -> io::Result<()> {
    let mut all: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let about = entry.metadata().ok()?;
            Some((about.modified().ok()?, about.len(), entry.path()))
        })
        .collect();
    all.sort();
    let mut bytes: u64 = all.iter().map(|(_, size, _)| size).sum();
    let mut count = all.len();
    for (_, size, path) in all {
        if count <= clips_most && bytes <= bytes_most {
            break;
        }
        std::fs::remove_file(path)?;
        (count, bytes) = (count - 1, bytes - size);
    }
    Ok(())
}

/// Makes a fmp4 of these pictures, with a fragment for each keyframe.
fn fmp4(format: &Format, pictures: &[Picture]) -> io::Result<Vec<u8>> {
    let (mut fmp4, mut file) = Fmp4::begin(format)?;
    for picture in pictures {
        if picture.is_key {
            file.extend(fmp4.fragment());
        }
        fmp4.add(picture.is_key, picture.at_us, picture.unit())?;
    }
    file.extend(fmp4.fragment());
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::cameras::demo_stream;

    #[test]
    fn a_clip_has_a_fragment_for_each_picture_that_stands_by_itself() {
        let demo = demo_stream::of("dock").unwrap();
        let pictures: Vec<Picture> = (0..24)
            .map(|n| Picture::new(demo.unit(n).0, 1_000_000 + n as u64 * 83_333, demo.unit(n).1))
            .collect();
        let file = fmp4(&demo.format, &pictures).unwrap();
        let count = |name: &[u8]| file.windows(4).filter(|window| *window == name).count();
        assert_eq!((count(b"moov"), count(b"moof")), (1, 2), "a fragment for each key frame");
    }

    #[test]
    fn the_oldest_clips_go_when_there_is_no_room() {
        let folder = tempfile::tempdir().unwrap();
        for (n, name) in ["a", "b", "c", "d"].iter().enumerate() {
            let file = folder.path().join(format!("{name}.mp4"));
            std::fs::write(&file, [0; 10]).unwrap();
            let at = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(n as u64);
            std::fs::File::options().write(true).open(&file).unwrap().set_modified(at).unwrap();
        }
        let left = || {
            let mut names: Vec<_> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        tidy(folder.path(), 3, 1_000).unwrap();
        assert_eq!(left(), ["b.mp4", "c.mp4", "d.mp4"]);
        tidy(folder.path(), 3, 19).unwrap();
        assert_eq!(left(), ["d.mp4"]);
    }
}
