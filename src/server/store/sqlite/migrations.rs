//! The migrations of the database, which the program contains. A released migration never changes.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// The name of a file without its ending, and what is in it. `sqlx::migrate!` would find the files by
/// itself, but builds SQLite a second time, for the compiler.
macro_rules! migration {
    ($name:literal) => {
        ($name, include_str!(concat!("migrations/", $name, ".sql")))
    };
}

/// All migrations, in order.
const ALL: [(&str, &str); 22] = [
    migration!("0001_begin"),
    migration!("0002_clock"),
    migration!("0003_sessions"),
    migration!("0004_proof"),
    migration!("0005_passkeys"),
    migration!("0006_audit"),
    migration!("0007_invitations"),
    migration!("0008_renewed"),
    migration!("0009_center"),
    migration!("0010_seats"),
    migration!("0011_webhooks"),
    migration!("0012_quiet"),
    migration!("0013_probe"),
    migration!("0014_revision"),
    migration!("0015_quarantine"),
    migration!("0016_epoch"),
    migration!("0017_withdrawal"),
    migration!("0018_panel_alarms"),
    migration!("0019_dispatched_again"),
    migration!("0020_former_links"),
    migration!("0021_reports"),
    migration!("0022_numbered_links"),
];

/// What brings a database to the version of this program.
pub(super) fn migrator() -> Migrator {
    let migrations = (1..).zip(ALL).map(|(version, (name, sql))| {
        let name = name.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
        let (name, kind) = (name.replace('_', " "), MigrationType::Simple);
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

/// The version of the database that this program writes.
pub(super) const fn newest() -> i64 {
    ALL.len() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_migration_at_the_place_of_its_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/server/store/sqlite/migrations");
        let files = std::fs::read_dir(folder).expect("the folder is there");
        let mut files: Vec<String> = files
            .map(|file| file.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let names = ALL.map(|(name, _)| format!("{name}.sql"));
        assert_eq!(files, names);
        for (number, name) in (1..).zip(names) {
            assert!(name.starts_with(&format!("{number:04}_")), "{name}");
        }
    }
}
