//! One data directory has one agent at a time.

use super::super::{TAKE_OVER_EVERY, lock};
use super::*;

#[tokio::test]
async fn one_data_directory_has_one_agent() {
    let world = World::start(|_| {}).await;
    let _peer = world.server.accept(MachineId::random()).await;
    let config = config(world.data_dir.path(), "http://127.0.0.1:1".to_owned());
    let second = run(config, watch::channel(Status::Connecting).0, CancellationToken::new()).await;
    assert!(matches!(second, Err(AgentError::AlreadyRunning(_))));
    world.stop.cancel();
    soon("the first agent's end", world.agent).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_new_agent_waits_for_one_that_is_about_to_be_gone() {
    let mut held = None;
    let world = World::start(|data_dir| held = Some(lock(data_dir).unwrap())).await;
    // It has looked by then, and would have ended.
    tokio::time::sleep(4 * TAKE_OVER_EVERY).await;
    assert!(!world.agent.is_finished());
    drop(held);
    world.server.accept(MachineId::random()).await;
}
