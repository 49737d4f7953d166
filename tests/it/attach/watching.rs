//! Several terminals on one session: one types, the others watch, and the keyboard changes hands.

use super::*;

/// What `stty size` says in the session, as another terminal that has the keyboard sees it.
async fn size_seen_by(local: &Local) -> String {
    local.type_text("clear; stty size\r");
    let digits = |row: &str| row.split(' ').count() == 2 && row.chars().all(|c| c.is_ascii_digit() || c == ' ');
    poll("a size is printed", async || local.text().lines().find(|row| digits(row)).map(str::to_owned)).await
}

#[tokio::test]
async fn who_only_watches_neither_types_nor_sets_the_size() {
    let place = Place::new();
    let id = bash(&place).await;
    let mut watcher = Local::start(&command(&place, &["attach", "--read-only", &id]), 60, 20);
    watcher.expect_text("read-only").await;
    watcher.type_text("echo not-ty''ped\r");
    let typist = attach(&place, &[&id]);
    typist.expect_text("$").await;
    assert_eq!(size_seen_by(&typist).await, "24 80");
    watcher.expect_text("24 80").await;
    typist.type_text("echo for-ev''erybody\r");
    watcher.expect_text("for-everybody").await;
    assert!(!typist.text().contains("not-typed") && !watcher.text().contains("not-typed"));
    watcher.type_text(DETACH);
    assert_eq!(watcher.expect_exit().await, 0);
    watcher.expect_restored().await;
}

#[tokio::test]
async fn the_keyboard_is_taken_and_taken_back() {
    let place = Place::new();
    let id = bash(&place).await;
    let first = attach(&place, &[&id]);
    first.expect_text("$").await;
    let second = Local::start(&command(&place, &["attach", &id]), 70, 20);
    second.expect_text("somebody else has the keyboard").await;
    second.type_text("x");
    let third = Local::start(&command(&place, &["attach", "--take", &id]), 50, 15);
    third
        .expect("it has the keyboard and no hint", |screen| screen.contains('$') && !screen.contains("watching"))
        .await;
    assert_eq!(size_seen_by(&third).await, "15 50");
    first.expect_text("somebody else has the keyboard").await;
    first.expect_text("15 50").await;
    first.type_text("\r");
    first.expect("Enter takes it back", |screen| !screen.contains("watching")).await;
    assert_eq!(size_seen_by(&first).await, "24 80");
    third.expect_text("somebody else has the keyboard").await;
    drop(first);
    third.expect_text("nobody has the keyboard").await;
}
