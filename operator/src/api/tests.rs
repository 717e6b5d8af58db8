use kube::CustomResourceExt as _;

use super::*;

#[test]
fn periods_are_read_and_written() {
    for (text, seconds, written) in [
        ("720h", 2_592_000, "720h"),
        ("15m", 900, "15m"),
        ("1h30m", 5400, "90m"),
        ("45s", 45, "45s"),
        ("60m", 3600, "1h"),
    ] {
        let period: Period = text.parse().unwrap();
        assert_eq!((period.as_secs(), period.to_string().as_str()), (seconds, written));
    }
    for text in ["", "h", "5", "5d", "1m1h", "-5m", "99999999999999999999h"] {
        assert!(text.parse::<Period>().is_err(), "{text}");
    }
}

#[test]
fn the_empty_spec_is_the_smallest_platform() {
    let spec: ShopFlowPlatformSpec = serde_json::from_str("{}").unwrap();
    assert_eq!(spec, ShopFlowPlatformSpec::default());
    assert_eq!(serde_json::to_string(&spec).unwrap(), "{}", "no defaults are written back");
}

#[test]
fn the_definition_stays_far_below_the_limits_of_helm_and_etcd() {
    let size = serde_json::to_string(&ShopFlowPlatform::crd()).unwrap().len();
    assert!(size < 100_000, "{size} bytes");
}

#[test]
fn the_columns_are_those_people_were_promised() {
    let definition = ShopFlowPlatform::crd();
    let columns = definition.spec.versions[0].additional_printer_columns.clone().unwrap();
    let names: Vec<_> =
        columns.iter().map(|column| (column.name.as_str(), column.priority.unwrap_or(0))).collect();
    assert_eq!(
        names,
        [
            ("Ready", 0),
            ("Version", 0),
            ("Services", 0),
            ("Key", 0),
            ("Next-Rotation", 0),
            ("Age", 0),
            ("Reason", 1),
            ("Message", 1),
        ]
    );
}
