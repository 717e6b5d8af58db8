//! When something is written, and when it is not.

use super::*;

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut world = World::converged();
    let said = world.say();
    world.later(3600);
    let (status, transitions) = world.status();
    assert_eq!(status_patch(Some(&said), &status), None);
    assert_eq!(transitions, []);
}

#[test]
fn the_first_status_is_written_whole_and_without_events() {
    let (status, transitions) = World::converged().status();
    let patch = status_patch(None, &status).unwrap();
    assert_eq!(patch, json!({"status": serde_json::to_value(&status).unwrap()}));
    assert_eq!(transitions, []);
}

#[test]
fn a_patch_holds_only_what_changed_and_removes_what_is_gone() {
    let mut world = World::converged();
    world.deployment("order", &json!({"status": {"readyReplicas": 0}}));
    let said = world.say();
    assert!(said.services.iter().any(|service| service.reason.is_some()));
    let mut next = said.clone();
    next.active_key = None;
    next.services_ready = Some("4/4".to_owned());
    assert_eq!(
        status_patch(Some(&said), &next),
        Some(json!({"status": {"activeKey": null, "servicesReady": "4/4"}}))
    );
}

#[test]
fn a_transition_time_changes_with_the_status_alone() {
    let mut world = World::converged();
    let time =
        |status: &PlatformStatus| status.condition(ConditionType::Ready).unwrap().last_transition_time.0;
    let first = time(&world.say());

    world.later(10);
    world.applied().database = Outside::Changed(1);
    let repairing = time(&world.say());
    assert_eq!(repairing, first + SignedDuration::from_secs(10));

    world.later(10);
    world.applied().database = Outside::Refused("no".to_owned());
    let refused = world.say();
    assert_eq!(time(&refused), repairing, "another reason is no transition");
    assert_eq!(refused.condition(ConditionType::Ready).unwrap().reason, reason::REFUSED);

    world.later(10);
    world.applied().database = Outside::Converged;
    assert_eq!(time(&world.say()), first + SignedDuration::from_secs(30));
}

#[test]
fn times_are_whole_seconds_as_the_api_server_keeps_them() {
    let mut world = World::converged();
    world.now += SignedDuration::from_millis(123);
    let said = world.say();
    assert_eq!(status_patch(Some(&said), &world.status().0), None);
}

#[test]
fn an_event_tells_each_change_of_status_or_reason_once() {
    let mut world = World::converged();
    world.say();
    world.applied().migrations[1].2 = Migration::Failed;
    let (_, transitions) = world.status();
    let types: Vec<&str> = transitions.iter().map(|transition| transition.type_.name()).collect();
    assert_eq!(types, ["Ready", "Reconciling", "Stalled", "MigrationsReady"]);
    world.say();
    assert_eq!(world.status().1, []);
}

#[test]
fn what_is_wrong_is_a_warning_and_what_is_on_its_way_is_not() {
    let warnings = |world: &mut World, change: fn(&mut World)| {
        world.say();
        change(world);
        let (_, transitions) = world.status();
        let warnings = transitions.iter().filter(|transition| transition.is_warning());
        warnings.map(|transition| transition.type_.name()).collect::<Vec<_>>()
    };
    let of = |change| warnings(&mut World::converged(), change);
    assert_eq!(
        of(|world| world.servers().database = Seen::Unreachable("no route".to_owned())),
        ["Ready", "DatabasesReady"]
    );
    assert_eq!(
        of(|world| {
            world.deployment("order", &json!({"status": {"readyReplicas": 0}}));
            world.waiting_pod("order", "ImagePullBackOff");
        }),
        ["Ready", "ServicesReady"]
    );
    assert_eq!(of(|world| world.failed(reason::SIGNING_KEYS_LOST, true)), ["Ready", "Stalled"]);
    let passing: [fn(&mut World); 3] = [
        |world| world.applied().database = Outside::Changed(1),
        |world| world.deployment("order", &json!({"status": {"readyReplicas": 0}})),
        |world| world.applied().migrations[0].2 = Migration::Running,
    ];
    for change in passing {
        assert_eq!(of(change), [""; 0]);
    }
}

#[test]
fn an_event_is_short_enough_for_the_api_server() {
    let outcome = Outcome::no(reason::UNREACHABLE, "ü".repeat(2000));
    let note = Transition { type_: ConditionType::Ready, outcome }.note();
    assert!(note.len() <= 1024 && note.len() > 1000, "{}", note.len());
    assert!(note.starts_with("Ready is False: ü") && note.ends_with('…'));
}

#[test]
fn a_request_to_recreate_is_done_only_when_it_was_carried_out() {
    for (spec, reached, done) in [("{}", true, Some("1")), ("suspend: true", true, None), ("{}", false, None)]
    {
        let mut world = World::of(spec);
        world.resource.annotations_mut().insert(ANNOTATION_RECREATE_KEYS.to_owned(), "1".to_owned());
        if !reached {
            world.ended_early(reason::API_ERROR, false);
        }
        assert_eq!(world.status().0.recreate_request.as_deref(), done, "{spec} {reached}");
    }
}

#[test]
fn keys_that_are_not_written_down_are_not_spoken_of() {
    let unkept: [fn(&mut World); 2] = [
        |world| {
            world.platform.as_mut().unwrap().suspended = true;
            world.applied().changes = 30;
        },
        // The first Secret was refused, say.
        |world| world.applied = None,
    ];
    for change in unkept {
        let mut world = World::converged();
        change(&mut world);
        let said = world.say();
        assert!(said.keys.is_empty(), "the next reconcile would take them for lost");
        assert_eq!((&said.active_key, &said.next_rotation), (&None, &None));
        // Another reconcile makes other keys.
        let mut again = World::converged();
        change(&mut again);
        again.resource = world.resource.clone();
        assert_eq!(status_patch(Some(&said), &again.status().0), None);
    }
}
