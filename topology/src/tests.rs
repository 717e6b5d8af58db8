use std::collections::HashSet;

use super::*;

#[test]
fn ports_are_used_once() {
    let mut seen = HashSet::from([INTERNAL_PORT]);
    for service in SERVICES {
        assert!(seen.insert(service.port), "{}", service.name);
        if let Some(alias) = service.alias_port {
            assert!(seen.insert(alias), "{}", service.name);
        }
    }
}

#[test]
fn calls_name_known_services() {
    for service in SERVICES {
        let mut callees: Vec<&str> = service.calls().collect();
        for callee in &callees {
            assert!(super::service(callee).is_some(), "{} calls {callee}", service.name);
            assert_ne!(*callee, service.name);
        }
        callees.sort_unstable();
        callees.dedup();
        assert_eq!(callees.len(), service.calls().count(), "{} names a callee twice", service.name);
    }
}

#[test]
fn every_service_may_ask_auth_which_sessions_have_ended() {
    for service in SERVICES.iter().filter(|service| service.name != "auth") {
        assert!(service.calls().any(|callee| callee == "auth"), "{}", service.name);
    }
}

#[test]
fn snapshots_are_internal_and_read_by_those_who_call_their_owner() {
    for aggregate in AGGREGATES {
        assert!(service(aggregate.owner).is_some(), "{}", aggregate.name);
        assert_eq!(aggregate.path, format!("/internal/{}", aggregate.name));
        for reader in aggregate.readers() {
            assert!(reader.calls().any(|callee| callee == aggregate.owner), "{}", reader.name);
            assert!(reader.database, "{} has nowhere to keep {}", reader.name, aggregate.name);
        }
    }
    let projected = SERVICES.iter().flat_map(|service| service.projects);
    assert!(projected.clone().all(|aggregate| AGGREGATES.contains(aggregate)));
}

#[test]
fn a_service_has_connections_exactly_when_it_has_a_database() {
    for service in SERVICES {
        assert_eq!(service.connections > 0, service.database, "{}", service.name);
    }
}

#[test]
fn a_path_leads_to_one_service_and_never_to_what_services_tell_each_other() {
    let mut prefixes = HashSet::new();
    for route in SERVICES.iter().flat_map(|service| service.routes) {
        assert!(prefixes.insert(route.prefix), "{} leads to two services", route.prefix);
        for path in [route.prefix, route.target] {
            assert!(path.starts_with('/') && path.len() > 1 && !path.ends_with('/'), "{path}");
            assert!(!path.split('/').any(|segment| segment == "internal"), "{path}");
        }
    }
}

#[test]
fn an_alias_names_what_its_own_service_serves() {
    for service in SERVICES {
        for alias in service.routes.iter().filter(|route| route.is_alias()) {
            let served = |route: &&Route| !route.is_alias() && alias.target.starts_with(route.prefix);
            assert!(service.routes.iter().any(|route| served(&route)), "{}", alias.prefix);
        }
    }
}

#[test]
fn every_published_subject_has_one_publisher_and_one_stream() {
    let mut publishers = HashSet::new();
    for service in SERVICES {
        for subject in service.publishes {
            assert!(publishers.insert(subject), "{subject} has two publishers");
            assert!(stream_of(subject).is_some(), "{subject} has no stream");
        }
    }
}

#[test]
fn consumers_read_subjects_of_their_stream() {
    let mut durables = HashSet::new();
    for consumer in SERVICES.iter().flat_map(|service| service.consumers) {
        assert!(durables.insert(consumer.durable), "{} is used twice", consumer.durable);
        for subject in consumer.subjects {
            assert_eq!(stream_of(subject).map(|stream| stream.name), Some(consumer.stream));
        }
    }
}

#[test]
fn bucket_users_are_services() {
    for bucket in BUCKETS {
        for users in [bucket.writers, bucket.readers] {
            if let Users::Only(names) = users {
                assert!(names.iter().all(|name| service(name).is_some()), "bucket {}", bucket.name);
            }
        }
    }
}

#[test]
fn every_service_reports_its_keys_and_learns_of_revocations() {
    for service in SERVICES {
        assert!(ADOPTION.may_write(service.name) && REVOCATIONS.may_read(service.name), "{}", service.name);
    }
    assert!(!ADOPTION.may_write("stranger"));
    let writers: Vec<&str> = REVOCATIONS.writers.services().map(|service| service.name).collect();
    assert_eq!(writers, ["auth"]);
}

#[test]
fn dead_letters_go_to_their_stream() {
    let subject = format!("{DEAD_LETTER_PREFIX}.order.created.failed");
    assert_eq!(stream_of(&subject).map(|stream| stream.name), Some("DEADLETTERS"));
    assert_eq!(stream_of("dlx."), None);
}

#[test]
fn nobody_consumes_dead_letters() {
    // They are recorded where they arise; one that could not be recorded would come back as the next one.
    for consumer in SERVICES.iter().flat_map(|service| service.consumers) {
        assert_ne!(consumer.stream, "DEADLETTERS", "{}", consumer.durable);
    }
}

#[test]
fn what_is_obsolete_is_nobodys_and_was_in_a_stream_that_is_there() {
    for obsolete in OBSOLETE_CONSUMERS {
        let durable = obsolete.durable;
        let mut consumers = SERVICES.iter().flat_map(|service| service.consumers);
        assert!(consumers.all(|consumer| consumer.durable != durable), "{durable} is in use");
        assert!(STREAMS.iter().any(|stream| stream.name == obsolete.stream), "{durable}");
    }
}

#[test]
fn every_step_of_stopping_ends_before_the_pod_is_killed() {
    let reserve = GRACE_PERIOD.saturating_sub(DRAIN + REQUESTS_END + TASKS_END);
    assert!(reserve >= std::time::Duration::from_secs(5), "{reserve:?}");
}
