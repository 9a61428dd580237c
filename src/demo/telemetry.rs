//! What the devices of the demo say: readings of five sensors and of four meters, with the faults that real devices have.

use super::random::Random;
use crate::time::{DAY_NANOS, HOUR_NANOS, Nanos};

/// The instant at which the plant was switched over: the day IoT Analytics closed.
pub const HISTORY_END: Nanos = Nanos(20_437 * DAY_NANOS);
const DAYS: i64 = 30;
const SENSORS: [&str; 5] = ["sensor001", "sensor002", "sensor003", "sensor004", "sensor005"];
const METERS: [&str; 4] = ["meter-a", "meter-b", "meter-c", "meter-d"];
/// Sensors read every ten minutes, and send for three hours at once.
const READING_NANOS: i64 = HOUR_NANOS / 6;
const SENDING_NANOS: i64 = 3 * HOUR_NANOS;

/// Messages that arrive at one moment: the most that a request takes is 100.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    pub(super) at: Nanos,
    pub(super) channel: &'static str,
    pub(super) messages: Vec<String>,
}

/// All that was sent until the end, in the order of its arrival.
pub(super) fn history(seed: u64) -> Vec<Sending> {
    let mut random = Random::seeded(seed);
    let mut sendings = Vec::new();
    let mut late = Vec::new();
    let begin = Nanos(HISTORY_END.0 - DAYS * DAY_NANOS);
    let mut at = begin;
    while at < HISTORY_END {
        let mut messages = std::mem::take(&mut late);
        let mut time = at;
        while time.0 < at.0 + SENDING_NANOS {
            for (number, sensor) in (0..).zip(SENSORS) {
                // Each sensor has its own second, as clocks that were set at different times do.
                let message = reading(&mut random, sensor, Nanos(time.0 + number * 1_000_000_000));
                // One in five hundred comes with the next sending.
                if random.below(500) == 0 { late.push(message) } else { messages.push(message) }
            }
            time.0 += READING_NANOS;
        }
        spoil(&mut random, &mut messages);
        messages.truncate(100);
        let arrival = Nanos(at.0 + SENDING_NANOS - 1_000_000_000);
        sendings.push(Sending { at: arrival, channel: super::plant::SENSOR_CHANNEL, messages });
        if at.0.rem_euclid(DAY_NANOS) == 0 {
            sendings.push(Sending { at: arrival, channel: super::plant::METER_CHANNEL, messages: meters(&mut random, at) });
        }
        at.0 += SENDING_NANOS;
    }
    sendings
}

/// What the sensors sent last before the switch, but for what no table took: broken messages, and two values of one moment.
pub(super) fn last(seed: u64) -> Vec<String> {
    let sendings = history(seed);
    let Some(sending) = sendings.iter().rfind(|sending| sending.channel == super::plant::SENSOR_CHANNEL) else { return Vec::new() };
    let moment = |message: &str| {
        let message: serde_json::Value = serde_json::from_str(message).ok()?;
        Some((message["deviceId"].to_string(), message["timestamp"].to_string()))
    };
    let moments: Vec<_> = sending.messages.iter().map(|message| moment(message)).collect();
    let is_sound = |at: &Option<(String, String)>| at.is_some() && moments.iter().filter(|other| *other == at).count() == 1;
    let sound = sending.messages.iter().zip(&moments).filter(|(message, at)| is_sound(at) && !message.contains("pending"));
    sound.map(|(message, _)| message.clone()).collect()
}

/// Messages that come after the switch: a few of each sensor, in good order.
pub(super) fn after(seed: u64) -> Vec<String> {
    let mut random = Random::seeded(seed ^ 0x5eed);
    let times = (0..4).map(|step| Nanos(HISTORY_END.0 + step * READING_NANOS));
    times.flat_map(|time| SENSORS.map(|sensor| (sensor, time))).map(|(sensor, time)| reading(&mut random, sensor, time)).collect()
}

/// The recipe's message, and the site that it wanted to add.
fn reading(random: &mut Random, sensor: &str, time: Nanos) -> String {
    // One in sixty is what a broken wire measures; the pipeline's filter is there for that.
    let temperature = if random.below(60) == 0 { decimal(random.tenths(-450, 30)) } else { decimal(random.tenths(235, 60)) };
    let humidity = decimal(random.tenths(600, 90));
    let text = time.to_iso8601();
    format!(
        r#"{{"timestamp": "{text}", "deviceId": "{sensor}", "temperature": {temperature}, "humidity": {humidity}, "site": "factory_floor_1"}}"#
    )
}

fn spoil(random: &mut Random, messages: &mut Vec<String>) {
    let Some(first) = messages.first().cloned() else { return };
    match random.below(24) {
        // MQTT with QoS 1 may deliver twice.
        0..4 => messages.push(first),
        // A sensor without the time of day yet.
        4 => messages.push(
            r#"{"timestamp": "pending", "deviceId": "sensor003", "temperature": 20.5, "humidity": 55.0, "site": "factory_floor_1"}"#
                .to_owned(),
        ),
        // Cut off on the way.
        5 => messages.push(first.chars().take(40).collect()),
        // Two values of one sensor and one moment.
        6 => messages.push(first.replace("\"humidity\": ", "\"humidity\": 1")),
        _ => {}
    }
}

/// A day of all meters: one value an hour, as an epoch in seconds.
fn meters(random: &mut Random, day: Nanos) -> Vec<String> {
    let mut messages = Vec::new();
    for hour in 0..24 {
        for (number, meter) in (0_i64..).zip(METERS) {
            let seconds = (day.0 + hour * HOUR_NANOS) / 1_000_000_000 + number;
            let power = decimal(random.tenths(12_000, 900));
            let energy = 1_000 * hour + i64::try_from(random.below(500)).unwrap_or(0);
            messages.push(format!(r#"{{"ts":{seconds},"meter":"{meter}","power_w":{power},"energy_wh":{energy}}}"#));
        }
    }
    messages
}

/// Tenths as a decimal number.
fn decimal(tenths: i64) -> String {
    format!("{}{}.{}", if tenths < 0 { "-" } else { "" }, (tenths / 10).abs(), (tenths % 10).abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_the_same_for_a_seed_and_fits_into_requests() {
        let texts = |seed| history(seed).into_iter().flat_map(|sending| sending.messages).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
        assert!(history(1).iter().all(|sending| (1..=100).contains(&sending.messages.len()) && sending.at < HISTORY_END));
        assert!(history(1).windows(2).all(|pair| pair[0].at <= pair[1].at));
    }

    #[test]
    fn every_kind_of_fault_is_in_it() {
        let texts: Vec<String> = history(1).into_iter().flat_map(|sending| sending.messages).collect();
        let broken = texts.iter().filter(|text| serde_json::from_str::<serde_json::Value>(text).is_err()).count();
        let pending = texts.iter().filter(|text| text.contains("pending")).count();
        let cold = texts.iter().filter(|text| text.contains("\"temperature\": -")).count();
        let different: std::collections::BTreeSet<&String> = texts.iter().collect();
        assert!(broken > 0 && pending > 0 && cold > 100 && different.len() < texts.len(), "{broken} {pending} {cold}");
    }
}
