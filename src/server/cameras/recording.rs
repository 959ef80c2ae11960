//! Clips: files with the pictures of a camera from ten seconds before to thirty after a request for
//! help from its Live View.

use super::{
    Cameras,
    fmp4::Fmp4,
    picture::{Format, Picture},
};
use crate::{
    domain::{
        id::{CameraId, HomeId},
        incident::{Incident, Mode},
    },
    server::private,
};
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// The time before the press.
const BEFORE: Duration = Duration::from_secs(10);
/// The time after it.
const AFTER: Duration = Duration::from_secs(30);
/// The most clips of live incidents that a home keeps.
const LIVE_MOST: usize = 50;
/// The most clips of drills that a home keeps.
const DRILLS_MOST: usize = 3;
/// The most bytes that all clips may have together.
const BYTES_MOST: u64 = 512 << 20;
/// The recording of a clip stops after this many bytes of pictures from after the press.
const BYTES_ONE: usize = 64 << 20;
/// The most clips of live incidents that are recorded at once. Each is in memory until it is stored.
const LIVE_AT_ONCE: usize = 8;
/// The same for drills.
const DRILLS_AT_ONCE: usize = 2;
/// The most of each kind for one home. A request that was cancelled is recorded to its end beside the
/// one that follows.
const OF_HOME_AT_ONCE: usize = 2;
/// A file that is half written this long before the newest clip was left by a server that stopped.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// The clips of incidents, in a folder for each home.
pub struct Clips {
    folder: PathBuf,
    live: Semaphore,
    drills: Semaphore,
    /// How many clips are recorded now for each home, so that no home takes all places.
    recording: Mutex<HashMap<(HomeId, bool), usize>>,
}

impl Clips {
    /// The clips in the data folder.
    pub fn new(data: &Path) -> Self {
        let (live, drills) = (Semaphore::new(LIVE_AT_ONCE), Semaphore::new(DRILLS_AT_ONCE));
        Self { folder: data.join("clips"), live, drills, recording: Mutex::default() }
    }

    /// The path of the clip of an incident, if there is one.
    pub async fn find(&self, incident: &Incident) -> Option<PathBuf> {
        for file in self.files(incident) {
            if tokio::fs::try_exists(&file).await.unwrap_or_default() {
                return Some(file);
            }
        }
        None
    }

    /// Opens the clip of an incident. It waits for the disk, so it is not for the async runtime.
    ///
    /// # Errors
    /// There is no clip, or it cannot be opened.
    pub fn open(&self, incident: &Incident) -> io::Result<File> {
        let [file, before] = self.files(incident);
        File::open(file).or_else(|_| File::open(before))
    }

    /// The paths at which the clip of an incident may be: in the folder of its home, or where it
    /// was before homes had folders.
    fn files(&self, incident: &Incident) -> [PathBuf; 2] {
        let name = format!("{}.mp4", incident.id);
        [self.place(incident).join(&name), self.folder.join(name)]
    }

    fn place(&self, incident: &Incident) -> PathBuf {
        self.folder.join(incident.home.as_str()).join(folder_of(incident.mode))
    }

    /// Takes a place for a recording, if there is one.
    fn begin(&self, incident: &Incident) -> Option<(SemaphorePermit<'_>, Recording<'_>)> {
        let places = if incident.mode == Mode::Live { &self.live } else { &self.drills };
        let place = places.try_acquire().ok()?;
        let of = (incident.home.clone(), incident.mode == Mode::Drill);
        let mut recording = self.recording.lock().expect("no holder panics");
        let count = recording.entry(of.clone()).or_default();
        if *count >= OF_HOME_AT_ONCE {
            return None;
        }
        *count += 1;
        Some((place, Recording { clips: self, of }))
    }

    /// Records a clip around the beginning of this incident. Returns after the recording. A clip
    /// that cannot be stored is missing and affects nothing else.
    pub async fn keep(&self, cameras: &Arc<Cameras>, camera: &CameraId, incident: &Incident) {
        let Some(_place) = self.begin(incident) else {
            tracing::warn!(incident = %incident.id, "no clip is recorded, because others are");
            return;
        };
        let Some(stream) = cameras.open(&incident.home, camera) else { return };
        // The recording counts as a viewer, so the stream stays open if all others leave.
        let Some((format, mut pictures, mut feed)) =
            stream.record((incident.started_at - BEFORE).as_millis() * 1_000)
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
        let (folder, place, id) = (self.folder.clone(), self.place(incident), incident.id);
        let written = tokio::task::spawn_blocking(move || {
            private::folder(&folder)?;
            private::folder(place.parent().unwrap_or(&folder))?;
            private::folder(&place)?;
            write(&place.join(format!("{id}.mp4")), &format, &pictures)?;
            if let Err(error) = tidy(&folder) {
                tracing::warn!(%error, "could not delete the oldest clips");
            }
            Ok(())
        });
        match written.await.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
            Ok(()) => tracing::info!(incident = %id, "stored a clip of an incident"),
            Err(error) => {
                tracing::error!(incident = %id, %error, "could not store a clip of an incident")
            }
        }
    }
}

/// A recording of a home.
struct Recording<'a> {
    clips: &'a Clips,
    of: (HomeId, bool),
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let mut recording = self.clips.recording.lock().expect("no holder panics");
        if let Some(count) = recording.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                recording.remove(&self.of);
            }
        }
    }
}

/// The name of the folder in that of a home.
fn folder_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Drill => "drill",
    }
}

/// Writes a temporary file and renames it.
fn write(file: &Path, format: &Format, pictures: &[Picture]) -> io::Result<()> {
    let half = file.with_extension("half");
    // A server that was stopped may have left one.
    let _ = std::fs::remove_file(&half);
    let written = || {
        let mut clip = BufWriter::new(private::new_file(&half)?);
        fmp4(&mut clip, format, pictures)?;
        clip.into_inner()?.sync_all()?;
        std::fs::rename(&half, file)
    };
    written().inspect_err(|_| _ = std::fs::remove_file(&half))
}

/// The kinds of clips, in the order in which they go when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// Half written.
    Half,
    Drill,
    /// From before there were folders of homes.
    Before,
    Live,
}

impl Kind {
    /// How many of them a home keeps.
    fn most(self) -> usize {
        match self {
            Self::Drill => DRILLS_MOST,
            Self::Live => LIVE_MOST,
            Self::Half | Self::Before => usize::MAX,
        }
    }
}

/// A clip that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    /// The folder of its home.
    home: PathBuf,
    kind: Kind,
    modified: SystemTime,
    bytes: u64,
    file: PathBuf,
}

/// Deletes the clips beyond the limits.
fn tidy(folder: &Path) -> io::Result<()> {
    for file in surplus(kept(folder)?, BYTES_MOST) {
        found(std::fs::remove_file(file))?;
    }
    Ok(())
}

/// Ignores that a file is gone, because another recording tidies up at the same time.
fn found<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        done => done.map(Some),
    }
}

fn kept(folder: &Path) -> io::Result<Vec<Kept>> {
    let mut all = Vec::new();
    let mut read = |of: &Path, home: &Path, kind: Kind| -> io::Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(of)? {
            let entry = entry?;
            let file = entry.path();
            let Some(about) = found(entry.metadata())? else { continue };
            if about.is_dir() {
                folders.push(file);
            } else {
                let is_whole = file.extension().is_some_and(|ending| ending == "mp4");
                let kind = if is_whole { kind } else { Kind::Half };
                let (home, modified) = (home.to_owned(), about.modified()?);
                all.push(Kept { home, kind, modified, bytes: about.len(), file });
            }
        }
        Ok(folders)
    };
    for home in read(folder, folder, Kind::Before)? {
        for of_mode in read(&home, &home, Kind::Before)? {
            let is_drill = of_mode.ends_with(folder_of(Mode::Drill));
            read(&of_mode, &home, if is_drill { Kind::Drill } else { Kind::Live })?;
        }
    }
    Ok(all)
}

/// The clips to delete: what a stopped server left behind, the oldest of a home beyond its number, and,
/// while all together have too many bytes, the oldest of the home with the most, in the order of
/// [`Kind`]. So no home deletes the clips of another that keeps less, and no drill deletes evidence.
fn surplus(mut all: Vec<Kept>, bytes_most: u64) -> Vec<PathBuf> {
    // The newest first.
    all.sort_by(|a, b| b.modified.cmp(&a.modified).then_with(|| a.file.cmp(&b.file)));
    let newest = all.first().map(|clip| clip.modified);
    let mut counts: HashMap<(PathBuf, Kind), usize> = HashMap::new();
    let mut gone = Vec::new();
    all.retain(|clip| {
        if clip.kind == Kind::Half {
            // One that is written now counts for nothing yet.
            if newest.is_some_and(|newest| clip.modified + LEFT_BEHIND < newest) {
                gone.push(clip.file.clone());
            }
            return false;
        }
        let count = counts.entry((clip.home.clone(), clip.kind)).or_default();
        *count += 1;
        let fits = *count <= clip.kind.most();
        if !fits {
            gone.push(clip.file.clone());
        }
        fits
    });
    while all.iter().map(|clip| clip.bytes).sum::<u64>() > bytes_most
        && let Some(first) = all.iter().map(|clip| clip.kind).min()
    {
        let mut by_home: HashMap<&Path, u64> = HashMap::new();
        for clip in all.iter().filter(|clip| clip.kind == first) {
            *by_home.entry(&clip.home).or_default() += clip.bytes;
        }
        let largest = by_home.into_iter().max_by_key(|&(home, bytes)| (bytes, home));
        let is_of_largest =
            |clip: &Kept| clip.kind == first && largest.is_some_and(|(home, _)| clip.home == home);
        let Some(oldest) = all.iter().rposition(is_of_largest) else { break };
        gone.push(all.remove(oldest).file);
    }
    gone
}

/// Writes an MP4 file of these pictures, with a fragment for each keyframe.
fn fmp4(file: &mut impl Write, format: &Format, pictures: &[Picture]) -> io::Result<()> {
    let (mut fmp4, beginning) = Fmp4::begin(format)?;
    file.write_all(&beginning)?;
    for picture in pictures {
        if picture.is_key {
            file.write_all(&fmp4.fragment())?;
        }
        fmp4.add(picture.is_key, picture.at_us, picture.unit())?;
    }
    file.write_all(&fmp4.fragment())
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
        let mut file = Vec::new();
        fmp4(&mut file, &demo.format, &pictures).unwrap();
        let count = |name: &[u8]| file.windows(4).filter(|window| *window == name).count();
        assert_eq!((count(b"moov"), count(b"moof")), (1, 2), "a fragment for each key frame");
    }

    fn clip(home: &str, kind: Kind, second: u64, bytes: u64) -> Kept {
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let file = Path::new(home).join(format!("{kind:?}")).join(format!("{second}.mp4"));
        Kept { home: home.into(), kind, modified, bytes, file }
    }

    #[test]
    fn drills_and_clips_of_one_home_delete_no_other_clips() {
        let mut all: Vec<_> = (0..200).map(|n| clip("a", Kind::Drill, 1_000 + n, 10)).collect();
        all.extend((0..60).map(|n| clip("a", Kind::Live, 500 + n, 10)));
        all.push(clip("b", Kind::Live, 1, 10));
        let gone = surplus(all.clone(), 10_000);
        let left = |kind: Kind, home: &str| {
            let is = |clip: &&Kept| clip.home == Path::new(home) && clip.kind == kind;
            all.iter().filter(is).filter(|clip| !gone.contains(&clip.file)).count()
        };
        assert_eq!(
            (left(Kind::Drill, "a"), left(Kind::Live, "a"), left(Kind::Live, "b")),
            (3, 50, 1)
        );
        assert!(gone.contains(&clip("a", Kind::Live, 509, 10).file), "the oldest of the home");
        assert!(!gone.contains(&clip("a", Kind::Live, 510, 10).file));
    }

    #[test]
    fn full_disk_share_drops_drills_first_then_the_largest_home() {
        let all = vec![
            clip("a", Kind::Live, 3, 40),
            clip("a", Kind::Live, 4, 40),
            clip("b", Kind::Live, 1, 50),
            clip("b", Kind::Drill, 9, 10),
        ];
        let names = |most| surplus(all.clone(), most);
        assert!(names(140).is_empty());
        assert_eq!(names(139), [clip("b", Kind::Drill, 9, 10).file]);
        assert_eq!(
            names(100),
            [clip("b", Kind::Drill, 9, 10).file, clip("a", Kind::Live, 3, 40).file]
        );
    }

    #[test]
    fn clips_of_before_go_before_others_and_none_by_number() {
        let mut all: Vec<_> = (0..100).map(|n| clip("", Kind::Before, n, 10)).collect();
        all.push(clip("a", Kind::Live, 200, 500));
        assert!(surplus(all.clone(), 1_500).is_empty());
        let oldest = [0, 1].map(|n| clip("", Kind::Before, n, 10).file);
        assert_eq!(surplus(all, 1_480), oldest, "and the new one stays");
    }

    #[test]
    fn half_a_clip_is_deleted_when_no_server_writes_it_any_more() {
        let halves = [0, 5_000].map(|second| clip("a", Kind::Half, second, 10));
        let all = [halves.to_vec(), vec![clip("a", Kind::Live, 5_001, 10)]].concat();
        assert_eq!(surplus(all, 1_000), [clip("a", Kind::Half, 0, 10).file]);
    }

    #[test]
    fn clips_are_found_in_the_folders_of_homes_and_from_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            "old.mp4",
            "cabin/live/d.half",
            "maple/live/a.mp4",
            "maple/drill/b.mp4",
            "cabin/live/c.mp4",
        ];
        for file in files.map(|file| folder.path().join(file)) {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, [0; 10]).unwrap();
        }
        let mut found: Vec<_> = kept(folder.path())
            .unwrap()
            .into_iter()
            .map(|clip| {
                let of = |path: &Path| path.strip_prefix(folder.path()).unwrap().to_owned();
                (of(&clip.file), of(&clip.home), clip.kind)
            })
            .collect();
        found.sort();
        let expected = [
            ("cabin/live/c.mp4", "cabin", Kind::Live),
            ("cabin/live/d.half", "cabin", Kind::Half),
            ("maple/drill/b.mp4", "maple", Kind::Drill),
            ("maple/live/a.mp4", "maple", Kind::Live),
            ("old.mp4", "", Kind::Before),
        ];
        assert_eq!(found, expected.map(|(file, home, kind)| (file.into(), home.into(), kind)));
    }
}
