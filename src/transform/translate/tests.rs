use super::super::fixtures::{add, filter, lambda, math, pipeline, registry, remove, select, shadow, spec};
use super::*;

#[track_caller]
fn fidelity(kind: ActivityKind) -> Fidelity {
    spec(&[("X", kind)]).steps.remove(0).fidelity
}

#[test]
fn steps_stand_in_the_order_of_the_inventory_between_channel_and_datastore() {
    let spec = spec(&[("B", filter("a > 1")), ("A", lambda("f", 5)), ("C", remove(&["x"]))]);
    assert_eq!((spec.channel.as_str(), spec.datastore.as_str(), spec.version), ("raw", "store", SPEC_VERSION));
    assert_eq!(spec.steps.iter().map(|step| step.activity.as_str()).collect::<Vec<_>>(), ["B", "A", "C"]);
}

#[test]
fn what_is_documented_is_exact() {
    for kind in [
        add(&[("device.id", "id"), ("device.coord[0]", "lat")]),
        remove(&["device"]),
        select(&["device.temp", "light"]),
        filter("temp > 40 AND hum < 20"),
    ] {
        assert_eq!(fidelity(kind.clone()), Fidelity::Exact, "{kind:?}");
    }
}

#[test]
fn what_is_left_open_is_stated() {
    for (kind, said) in [
        (add(&[("a", "c"), ("b", "c")]), "the last in the order"),
        (add(&[("a", "c.d")]), "one name at the root"),
        (add(&[("a", "b"), ("b", "c")]), "both read and written"),
        (remove(&["device.temp"]), "below the root"),
        (remove(&["list[0]"]), "move up"),
        (select(&["a.x", "b.x"]), "the last that a message has wins"),
        (select(&["coord[0]"]), "`coord[0]` is called `coord`"),
        (filter("co <> NULL OR lpg <> NULL"), "null_existence_check"),
        (filter("a / 2 > 3"), "integer_division"),
        (math("x", "a * 9 / 5 + 32"), "`integer_division` is `truncate`"),
        (math("x", "a"), "undefined_math"),
        (math("x", "1.5 / a"), "division_by_zero"),
        (math("x", "sin(a)"), "last digit"),
        (math("x.y", "2"), "one name at the root"),
        (registry("m", "t"), "captured"),
        (shadow("m", "t"), "not found"),
        (lambda("f", 1), "customer's own"),
    ] {
        let Fidelity::Equivalent { differences } = fidelity(kind.clone()) else { panic!("{kind:?}") };
        assert!(differences.iter().any(|difference| difference.contains(said)), "{differences:?}");
    }
}

#[test]
fn a_division_of_decimals_is_not_called_one_of_integers() {
    let Fidelity::Equivalent { differences } = fidelity(math("tempC", "((temp - 32) * 5.0) / 9.0")) else { panic!() };
    assert!(!differences.iter().any(|difference| difference.contains("integer_division")), "{differences:?}");
}

#[test]
fn switches_change_what_is_said_and_written() {
    let switches = TransformSwitches {
        selected_index_name: SelectedIndexName::WithIndex,
        selected_name_clash: SelectedNameClash::FirstWins,
        ..TransformSwitches::default()
    };
    let translated = translate(&pipeline(&[("S", select(&["a.coord[0]", "b.coord[0]"]))]), &switches, None).unwrap();
    let step = &translated.spec.steps[0];
    assert!(matches!(&step.action, Action::SelectAttributes { selections } if selections.iter().all(|s| s.to == "coord[0]")));
    assert!(matches!(&step.fidelity, Fidelity::Equivalent { differences } if differences[0].contains("the first that a message has")));
}

#[test]
fn what_cannot_be_translated_stays_in_the_spec_with_reason_and_remedy() {
    let spec = spec(&[("F", filter("temp BETWEEN 1 AND 2")), ("M", math("x", "${Factor} * y")), ("A", add(&[("a[b]", "c")]))]);
    for (step, text) in spec.steps.iter().zip(["temp BETWEEN 1 AND 2", "x = ${Factor} * y", "a[b]"]) {
        assert!(matches!(&step.action, Action::Unsupported { text: t, reason } if t == text && !reason.is_empty()), "{step:?}");
        assert!(matches!(&step.fidelity, Fidelity::Manual { to_do } if to_do.len() == 1 && !to_do[0].is_empty()), "{step:?}");
    }
}

#[test]
fn a_pipeline_of_which_only_the_name_is_known_has_no_translation() {
    let only_named = Pipeline { activities: Vec::new(), ..pipeline(&[]) };
    let error = translate(&only_named, &TransformSwitches::default(), None).unwrap_err();
    assert!(error.hint().unwrap().contains("describe-pipeline"));
}
