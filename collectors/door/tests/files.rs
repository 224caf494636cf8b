//! Directories and files.

use super::*;
use crate::door::Network;
use std::path::Path;

#[tokio::test]
async fn a_directory_and_its_files_are_read_and_replayed_without_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    std::fs::write(path.join("b.jsonl"), "two").unwrap();
    std::fs::write(path.join("a.jsonl"), [0xff, 0]).unwrap();
    std::fs::create_dir(path.join("c")).unwrap();
    let live = Door::live(&Network::new(), year(), Limits::default());
    let session = async |door: &Door| {
        let list = door.list("test", &path).await.unwrap();
        let mut read = Vec::new();
        for name in ["a.jsonl", "b.jsonl", "absent", "c"] {
            read.push(door.read("test", &path.join(name)).await);
        }
        (list, read, door.ipe("test"))
    };
    let seen = session(&live).await;
    let names: Vec<_> = seen.0.iter().map(|e| (e.name.as_str(), e.size, e.directory)).collect();
    assert_eq!(names, [("a.jsonl", 2, false), ("b.jsonl", 3, false), ("c", 0, true)]);
    assert_eq!(seen.1[0], Ok(Bytes::from_static(&[0xff, 0])));
    assert_eq!(seen.1[1], Ok(Bytes::from_static(b"two")));
    assert_eq!(seen.1[2], Err(Failure::NotFound));
    assert!(matches!(seen.1[3], Err(Failure::Refused(_))));
    let requests: Vec<_> = seen.2.requests.iter().map(|r| (r.request.as_str(), r.count)).collect();
    assert_eq!(requests, [("LIST", 1), ("READ", 4)]);
    assert_eq!(seen.2.hosts, [Url::from_directory_path(&path).unwrap().to_string()]);

    directory.close().unwrap();
    let replay =
        Door::replay(live.take_exchanges().iter().map(through_json).collect(), live.as_of(), Limits::default());
    assert_eq!(session(&replay).await, seen);
    assert_eq!(replay.unasked(), Vec::new());
    assert!(matches!(replay.read("test", &path.join("b.jsonl")).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn a_symbolic_link_is_listed_and_not_followed() {
    let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "outside").unwrap();
    std::os::unix::fs::symlink(&secret, inside.path().join("file")).unwrap();
    std::os::unix::fs::symlink(outside.path(), inside.path().join("directory")).unwrap();
    let door = Door::live(&Network::new(), year(), Limits::default());
    let list = door.list("test", inside.path()).await.unwrap();
    assert!(list.len() == 2 && list.iter().all(|entry| !entry.directory && entry.size == 0), "{list:?}");
    for entry in list {
        let seen = door.read("test", &inside.path().join(entry.name)).await;
        assert!(matches!(&seen, Err(Failure::Refused(why)) if why.contains("symbolic link")), "{seen:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_listed_or_read_whole_is_a_failure() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let limits = Limits { body_bytes_max: 4, run_bytes_max: 7, ..Limits::default() };
    let door = Door::live(&Network::new(), year(), limits);
    std::fs::write(path.join("five"), "12345").unwrap();
    std::fs::write(path.join("four"), "1234").unwrap();
    assert_eq!(door.read("test", &path.join("five")).await, Err(Failure::TooLarge(4)));
    assert!(door.read("test", &path.join("four")).await.is_ok());
    assert!(matches!(door.read("test", &path.join("four")).await, Err(Failure::Limit(_))));
    assert_eq!(door.list("test", &path.join("absent")).await, Err(Failure::NotFound));
    assert!(matches!(door.list("test", &path.join("four")).await, Err(Failure::Refused(_))));
    assert!(matches!(door.list("test", Path::new("relative")).await, Err(Failure::Refused(_))));
    assert!(matches!(door.read("test", Path::new("/dev/null")).await, Err(Failure::Refused(_))));

    std::fs::write(path.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
    assert!(matches!(door.list("test", path).await, Err(Failure::Refused(_))));
}

#[tokio::test]
async fn a_directory_of_more_entries_than_allowed_is_not_listed_in_part() {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..10_001 {
        std::fs::File::create(directory.path().join(number.to_string())).unwrap();
    }
    let door = Door::live(&Network::new(), year(), Limits::default());
    assert!(matches!(door.list("test", directory.path()).await, Err(Failure::Limit(_))));
    std::fs::remove_file(directory.path().join("0")).unwrap();
    assert_eq!(door.list("test", directory.path()).await.unwrap().len(), 10_000);
}
