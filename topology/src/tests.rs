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
        for callee in service.calls {
            assert!(super::service(callee).is_some(), "{} calls {callee}", service.name);
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
        for name in bucket.writers.iter().chain(bucket.readers) {
            assert!(service(name).is_some(), "{name} in bucket {}", bucket.name);
        }
    }
}

#[test]
fn dead_letters_go_to_their_stream() {
    let subject = format!("{DEAD_LETTER_PREFIX}.order.created.failed");
    assert_eq!(stream_of(&subject).map(|stream| stream.name), Some("DEADLETTERS"));
    assert_eq!(stream_of("dlx."), None);
}

#[test]
fn a_service_reads_dead_letters_only_of_what_it_consumes() {
    for service in SERVICES {
        let (dead, live): (Vec<&Consumer>, Vec<&Consumer>) =
            service.consumers.iter().partition(|consumer| consumer.stream == "DEADLETTERS");
        for subject in dead.iter().flat_map(|consumer| consumer.subjects.iter()) {
            let original = subject
                .strip_prefix(DEAD_LETTER_PREFIX)
                .and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".failed"));
            let consumed =
                live.iter().flat_map(|consumer| consumer.subjects.iter()).any(|own| Some(*own) == original);
            assert!(consumed, "{} reads {subject}", service.name);
        }
    }
}

#[test]
fn every_step_of_stopping_ends_before_the_pod_is_killed() {
    let reserve = GRACE_PERIOD.saturating_sub(DRAIN + REQUESTS_END + TASKS_END);
    assert!(reserve >= std::time::Duration::from_secs(5), "{reserve:?}");
}
