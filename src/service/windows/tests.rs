#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;

const ADA: &str = "S-1-5-21-1-2-3-1001";
const GUARD: &str = r"C:\Program Files\sessionforge\sessionforge.exe";

fn definition(person: &str) -> Definition {
    Definition {
        executable: r"C:\Users\ada\sessionforge.exe".into(),
        arguments: ["agent", "--data-dir", r"C:\Users\ada\App Data\sessionforge"].map(str::to_owned).into(),
        run_as: Some(person.to_owned()),
        may_become_root: false,
    }
}

#[test]
fn the_registration_is_as_a_person_would_write_it() {
    let registration = registration(&definition(ADA), GUARD).unwrap();
    assert_eq!(registration.to_string().trim_end(), include_str!("registration.txt").replace('\r', "").trim_end());
}

#[test]
fn a_service_is_a_persons_and_never_the_systems() {
    for nobody in ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-5-32-544", "S-1-1-0", "", "ada"] {
        let refused = registration(&definition(nobody), GUARD).unwrap_err();
        assert!(matches!(&refused, ServiceError::NotAPerson(who) if who == nobody), "{refused}");
    }
    let nobody = Definition { run_as: None, ..definition(ADA) };
    assert!(matches!(registration(&nobody, GUARD), Err(ServiceError::NotAPerson(_))));
}

#[test]
fn what_the_guard_is_told_is_what_it_understands_also_with_hostile_names() {
    let mut hostile = definition(ADA);
    hostile.arguments.extend(["--person".into(), "S-1-5-18".into(), "--".into(), "a \"b\" %c% \\".into()]);
    let registration = registration(&hostile, GUARD).unwrap();
    let told: Vec<&str> = std::iter::once(GUARD).chain(registration.arguments.iter().map(String::as_str)).collect();
    let read = words::split(&words::line(&told));
    let (person, agent) = understood(&read[1..]).unwrap();
    assert_eq!((person, agent[0].as_str()), (ADA, r"C:\Users\ada\sessionforge.exe"));
    assert_eq!(agent[1..agent.len() - 1], hostile.arguments);
    assert_eq!(agent.last().unwrap(), UNTIL_CLOSED);
    assert_eq!(understood(&["agent".into()]), None);
}

#[test]
fn the_person_may_start_and_stop_it_and_not_change_what_it_runs() {
    let access = access(ADA);
    let of_ada = access.split('(').find(|entry| entry.contains(ADA)).unwrap();
    let rights = of_ada.split(';').nth(2).unwrap();
    let rights: Vec<&str> = (0..rights.len()).step_by(2).map(|at| &rights[at..at + 2]).collect();
    assert!(rights.contains(&"RP") && rights.contains(&"WP"), "start and stop: {rights:?}");
    for change in ["DC", "SD", "WD", "WO", "GA", "GW"] {
        assert!(!rights.contains(&change), "{change} changes it: {rights:?}");
    }
}

#[test]
fn an_agent_that_only_a_person_can_help_is_not_started_again() {
    assert_eq!((after_end(2), after_end(3)), (Next::GiveUp, Next::GiveUp));
    for code in [0, 1, 4, 0xc000_0005] {
        assert!(matches!(after_end(code), Next::Again(_)), "{code}");
    }
}
