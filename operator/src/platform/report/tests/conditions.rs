//! Each situation and its conditions.

use ConditionType::{
    DatabasesReady, KeysReady, MessagingReady, MigrationsReady, NotificationsReady, Ready, Reconciling,
    ServicesReady, Stalled, Suspended, UpgradeAvailable,
};

use std::collections::BTreeSet;

use protocol::buckets::OutageReport;

use super::*;

struct Case {
    situation: &'static str,
    spec: &'static str,
    change: fn(&mut World),
    /// Type, status and reason; the others are as on a converged platform.
    differs: &'static [(ConditionType, &'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case { situation: "converged", spec: "{}", change: |_| {}, differs: &[] },
    Case {
        situation: "PostgreSQL starts",
        spec: "{}",
        change: |world| world.servers().database = Seen::Starting,
        differs: &[
            (DatabasesReady, "False", reason::STARTING),
            (Ready, "False", reason::STARTING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "NATS does not answer",
        spec: "{}",
        change: |world| world.servers().messaging = Seen::Unreachable("no route".to_owned()),
        differs: &[
            (MessagingReady, "False", reason::UNREACHABLE),
            (Ready, "False", reason::UNREACHABLE),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "roles are repaired",
        spec: "{}",
        change: |world| world.applied().database = Outside::Changed(3),
        differs: &[
            (DatabasesReady, "False", reason::REPAIRING),
            (Ready, "False", reason::REPAIRING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "PostgreSQL refuses a statement",
        spec: "{}",
        change: |world| world.applied().database = Outside::Refused("permission denied".to_owned()),
        differs: &[
            (DatabasesReady, "False", reason::REFUSED),
            (Ready, "False", reason::REFUSED),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "a database of that name is somebody else's",
        spec: "{}",
        change: |world| {
            let object = "DATABASE \"order\"".to_owned();
            let conflict = postgres::Conflict::Foreign { object, mark: "shop".to_owned() };
            let plan = postgres::Plan { conflicts: vec![conflict], ..postgres::Plan::default() };
            world.servers().database = Seen::Known([("order".to_owned(), plan)].into());
        },
        differs: &[
            (DatabasesReady, "False", reason::NAME_CONFLICT),
            (Ready, "False", reason::NAME_CONFLICT),
            (Stalled, "True", reason::NAME_CONFLICT),
            (Reconciling, "False", reason::NAME_CONFLICT),
        ],
    },
    Case {
        situation: "a database is gone",
        spec: "{}",
        change: |world| {
            let conflict = postgres::Conflict::Lost { database: "order".to_owned() };
            let plan = postgres::Plan { conflicts: vec![conflict], ..postgres::Plan::default() };
            world.servers().database = Seen::Known([("order".to_owned(), plan)].into());
        },
        differs: &[
            (DatabasesReady, "False", reason::DATABASE_LOST),
            (Ready, "False", reason::DATABASE_LOST),
            (Stalled, "True", reason::DATABASE_LOST),
            (Reconciling, "False", reason::DATABASE_LOST),
        ],
    },
    Case {
        situation: "PostgreSQL answers, but its set has not rolled",
        spec: "{}",
        change: |world| world.object(Kind::StatefulSet, "postgres", &json!({"metadata": {"generation": 2}})),
        differs: &[
            (DatabasesReady, "False", reason::STARTING),
            (Ready, "False", reason::STARTING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "the image of NATS cannot be pulled",
        spec: "{}",
        change: |world| {
            world.object(Kind::StatefulSet, "nats", &json!({"status": {"readyReplicas": 0}}));
            world.waiting_pod("nats", "ImagePullBackOff");
        },
        differs: &[
            (MessagingReady, "False", reason::POD_FAILING),
            (Ready, "False", reason::POD_FAILING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "a volume cannot grow",
        spec: "{}",
        change: |world| world.failed(reason::RESIZE_REFUSED, true),
        differs: &[
            (Ready, "False", reason::RESIZE_REFUSED),
            (Stalled, "True", reason::RESIZE_REFUSED),
            (Reconciling, "False", reason::RESIZE_REFUSED),
        ],
    },
    Case {
        situation: "a pod ends again and again",
        spec: "{}",
        change: |world| {
            world.deployment("order", &json!({"status": {"readyReplicas": 0}}));
            world.waiting_pod("order", "CrashLoopBackOff");
        },
        differs: &[
            (ServicesReady, "False", reason::POD_FAILING),
            (Ready, "False", reason::POD_FAILING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "a stream has another retention, which cannot be changed",
        spec: "{}",
        change: |world| {
            let conflict = messaging::Conflict {
                object: "stream ORDERS".to_owned(),
                field: "retention",
                found: "workqueue".to_owned(),
                wanted: "limits".to_owned(),
            };
            let plan = messaging::Plan { conflicts: vec![conflict], ..messaging::Plan::default() };
            world.servers().messaging = Seen::Known(plan);
        },
        differs: &[
            (MessagingReady, "False", reason::IMMUTABLE),
            (Ready, "False", reason::IMMUTABLE),
            (Stalled, "True", reason::IMMUTABLE),
            (Reconciling, "False", reason::IMMUTABLE),
        ],
    },
    Case {
        situation: "a migration runs",
        spec: "{}",
        change: |world| world.applied().migrations[1].2 = Migration::Running,
        differs: &[
            (MigrationsReady, "False", reason::MIGRATING),
            (Ready, "False", reason::MIGRATING),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "a migration failed",
        spec: "{}",
        change: |world| world.applied().migrations[1].2 = Migration::Failed,
        differs: &[
            (MigrationsReady, "False", reason::MIGRATION_FAILED),
            (Ready, "False", reason::MIGRATION_FAILED),
            (Stalled, "True", reason::MIGRATION_FAILED),
            (Reconciling, "False", reason::MIGRATION_FAILED),
        ],
    },
    Case {
        situation: "a pod is missing",
        spec: "{}",
        change: |world| world.deployment("order", &json!({"status": {"readyReplicas": 0}})),
        differs: &[
            (ServicesReady, "False", reason::PODS_NOT_READY),
            (Ready, "False", reason::PODS_NOT_READY),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "all pods are ready, but of the former revision",
        spec: "{}",
        change: |world| world.deployment("order", &json!({"metadata": {"generation": 3}})),
        differs: &[
            (ServicesReady, "False", reason::PODS_NOT_READY),
            (Ready, "False", reason::PODS_NOT_READY),
            (Reconciling, "True", reason::PROGRESSING),
        ],
    },
    Case {
        situation: "a rotation waits for pods, and the platform serves on",
        spec: "{}",
        change: |world| {
            world.platform.as_mut().unwrap().rotation_request = Some("now".to_owned());
            world.advance(Adoption::Known([("order-1".to_owned(), BTreeSet::new())].into()));
        },
        differs: &[(KeysReady, "True", reason::AWAITING_ADOPTION)],
    },
    Case {
        situation: "suspended with nothing to do",
        spec: "suspend: true",
        change: |_| {},
        differs: &[(Suspended, "True", reason::SUSPENDED)],
    },
    Case {
        situation: "suspended while changes wait",
        spec: "suspend: true",
        change: |world| {
            world.applied().changes = 2;
            world.deployment("order", &json!({"status": {"readyReplicas": 0}}));
        },
        differs: &[
            (Suspended, "True", reason::CHANGES_WAIT),
            // Whatever was said of the keys before stays; here nothing was.
            (KeysReady, "Unknown", reason::NOT_OBSERVED),
            (ServicesReady, "False", reason::PODS_NOT_READY),
            (Ready, "False", reason::CHANGES_WAIT),
            (Reconciling, "False", reason::CHANGES_WAIT),
        ],
    },
    Case {
        situation: "the operator brings a newer release",
        spec: "{}",
        change: |world| world.platform.as_mut().unwrap().upgrade = Some("9.9.9".to_owned()),
        differs: &[(UpgradeAvailable, "True", reason::NEWER_RELEASE)],
    },
    Case {
        situation: "the mail server is down",
        spec: "{}",
        change: |world| {
            let error = "SMTP mail.example:1025: connection refused".to_owned();
            let report = OutageReport { since: 0, waiting: 3, error };
            let (service, kind) = ("notification".to_owned(), "email".to_owned());
            world.servers().outages = Some(vec![messaging::Outage { service, kind, report }]);
        },
        // The platform itself is as declared, and serves.
        differs: &[(NotificationsReady, "False", reason::PROVIDER_UNAVAILABLE)],
    },
    Case {
        situation: "somebody else's servers",
        spec: "postgres: {external: {host: db, adminSecret: {name: db}}}",
        change: |_| {},
        differs: &[(ConditionType::Durable, "True", reason::EXTERNAL)],
    },
];

/// The resources of these tests name no Secret of somebody else, which only `recall` reads.
fn world(spec: &str) -> World {
    let mut world = World::converged();
    world.resource = resolve::tests::resource(spec);
    world.platform = Some(resolve::resolve(&world.resource, &Release::default()).unwrap());
    world
}

fn table(status: &PlatformStatus) -> Vec<(&str, &str, &str)> {
    let conditions = status.conditions.iter();
    conditions.map(|one| (one.type_.as_str(), one.status.as_str(), one.reason.as_str())).collect()
}

#[test]
fn each_situation_has_its_conditions() {
    let normal = World::converged().status().0;
    for case in CASES {
        let mut world = world(case.spec);
        (case.change)(&mut world);
        let (status, _) = world.status();
        let mut expected = table(&normal);
        for (type_, status, reason) in case.differs {
            let row = expected.iter_mut().find(|row| row.0 == type_.name()).unwrap();
            *row = (type_.name(), *status, *reason);
        }
        assert_eq!(table(&status), expected, "{}", case.situation);
    }
}

#[test]
fn a_converged_platform_says_so() {
    let status = World::converged().status().0;
    let of = |type_| status.condition(type_).map(|condition| condition.status.as_str());
    assert_eq!(of(Ready), Some("True"));
    assert_eq!((of(Reconciling), of(Stalled), of(Suspended)), (Some("False"), Some("False"), Some("False")));
    assert_eq!(status.conditions.len(), ConditionType::ALL.len());
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(1)));
}

#[test]
fn the_first_reconcile_that_fails_says_what_and_knows_nothing_of_the_rest() {
    let mut world = World::converged();
    world.platform = None;
    world.ended_early(reason::INVALID_SPEC, true);
    let status = world.status().0;
    let of = |type_| {
        let condition = status.condition(type_).unwrap();
        (condition.status.as_str(), condition.reason.as_str())
    };
    assert_eq!(of(Ready), ("False", reason::INVALID_SPEC));
    assert_eq!(of(Stalled), ("True", reason::INVALID_SPEC));
    assert_eq!(of(Reconciling), ("False", reason::INVALID_SPEC));
    for type_ in [DatabasesReady, MessagingReady, KeysReady, MigrationsReady, ServicesReady] {
        assert_eq!(of(type_), ("Unknown", reason::NOT_OBSERVED));
    }
    assert_eq!(status.condition(Stalled).unwrap().message, "what to do");
}

#[test]
fn what_a_failed_reconcile_did_not_look_at_stays_as_it_was_said() {
    let mut world = World::converged();
    let before = world.say();
    world.resource.metadata.generation = Some(2);
    world.ended_early(reason::SIGNING_KEYS_LOST, true);
    let after = world.say();
    assert_eq!(after.services, before.services);
    assert_eq!(after.condition(ServicesReady), before.condition(ServicesReady));
    // So that it is never read as an answer to the new spec.
    assert_eq!(after.condition(ServicesReady).unwrap().observed_generation, Some(1));
    assert_eq!(after.condition(Ready).unwrap().observed_generation, Some(2));
    assert_eq!(after.observed_generation, Some(2));
}

#[test]
fn a_failure_that_passes_by_itself_needs_no_person() {
    let mut world = World::converged();
    world.ended_early(reason::API_ERROR, false);
    let status = world.status().0;
    assert_eq!(status.condition(Stalled).unwrap().status, "False");
    assert_eq!(status.condition(Reconciling).unwrap().status, "True");
    assert_eq!(status.condition(Ready).unwrap().reason, reason::API_ERROR);
}
