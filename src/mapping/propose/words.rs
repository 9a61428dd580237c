//! What a column's name suggests.

/// The words of a name in lower case: `deviceId`, `device_id` and `DEVICE-ID` are all `device`, `id`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before_lower = false;
    for c in name.chars() {
        let separates = !c.is_alphanumeric();
        if (separates || (c.is_uppercase() && before_lower)) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !separates {
            word.extend(c.to_lowercase());
        }
        before_lower = c.is_lowercase() || c.is_numeric();
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Names that say: this is when it happened. Compared without separators and case, best first.
pub(super) const TIME_NAMES: [&str; 22] = [
    "timestamp",
    "time",
    "ts",
    "eventtime",
    "eventtimestamp",
    "datetime",
    "epoch",
    "epochms",
    "epochtime",
    "timestampms",
    "timems",
    "tsms",
    "unixtime",
    "measuredat",
    "recordedat",
    "sampledat",
    "measurementtime",
    "devicetime",
    "devicetimestamp",
    "dt",
    "date",
    "createdat",
];

/// A last word that makes a name an identity.
const IDENTITY_ENDINGS: [&str; 9] = ["id", "ids", "uid", "uuid", "guid", "imei", "mac", "vin", "eui"];

/// First words after which a text names a thing or a place.
const IDENTITY_BEGINNINGS: [&str; 14] = [
    "device",
    "sensor",
    "thing",
    "machine",
    "asset",
    "equipment",
    "gateway",
    "station",
    "meter",
    "node",
    "vehicle",
    "robot",
    "controller",
    "truck",
];

/// Names that are an identity or a place as a whole.
const IDENTITY_NAMES: [&str; 35] = [
    "id",
    "name",
    "type",
    "model",
    "topic",
    "client",
    "clientid",
    "serial",
    "serialnumber",
    "serialno",
    "line",
    "site",
    "location",
    "area",
    "plant",
    "unit",
    "zone",
    "building",
    "floor",
    "room",
    "region",
    "factory",
    "facility",
    "fleet",
    "cell",
    "tag",
    "tenant",
    "customer",
    "host",
    "hostname",
    "manufacturer",
    "vendor",
    "country",
    "city",
    "department",
];

/// Words that make a text a measurement after all: it changes while the thing stays the same.
const CHANGING: [&str; 21] = [
    "status",
    "state",
    "level",
    "message",
    "msg",
    "error",
    "alarm",
    "mode",
    "event",
    "reason",
    "value",
    "reading",
    "description",
    "text",
    "log",
    "command",
    "result",
    "quality",
    "severity",
    "time",
    "timestamp",
];

/// Words that make an `…id` one message's and not one thing's.
const PER_MESSAGE: [&str; 8] = ["message", "msg", "event", "trace", "request", "correlation", "transaction", "record"];

/// True when a name suggests what tells one source of rows from another.
pub(super) fn is_identity(name: &str) -> bool {
    let words = words(name);
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    if ends_as_identity(last) {
        return !words.iter().any(|word| PER_MESSAGE.contains(&word.as_str()));
    }
    if words.iter().any(|word| CHANGING.contains(&word.as_str())) {
        return false;
    }
    let whole = words.concat();
    IDENTITY_NAMES.contains(&whole.as_str()) || IDENTITY_NAMES.contains(&last.as_str()) && words.len() == 2 || begins_as_identity(first)
}

/// True when a name ends in `id`, so that a small set of whole numbers may be an identity.
pub(super) fn ends_in_id(name: &str) -> bool {
    words(name).last().is_some_and(|last| ends_as_identity(last)) && is_identity(name)
}

/// `id`, `uuid`, and what a lower-cased `deviceId` looks like.
fn ends_as_identity(last: &str) -> bool {
    let of_a_thing = |stem: &str| IDENTITY_BEGINNINGS.contains(&stem) || IDENTITY_NAMES.contains(&stem);
    IDENTITY_ENDINGS.contains(&last) || last.strip_suffix("id").is_some_and(of_a_thing)
}

fn begins_as_identity(word: &str) -> bool {
    IDENTITY_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning))
}

/// The place of a name in [`TIME_NAMES`].
pub(super) fn time_rank(name: &str) -> Option<usize> {
    let whole = words(name).concat();
    TIME_NAMES.iter().position(|known| *known == whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_their_words() {
        for name in ["deviceId", "device_id", "DEVICE-ID", "device id", "Device.Id"] {
            assert_eq!(words(name), ["device", "id"], "{name}");
        }
        assert_eq!(words("zone2Temp"), ["zone2", "temp"]);
        assert!(words("__").is_empty());
    }

    #[test]
    fn things_and_places_are_identities_and_conditions_are_not() {
        for name in [
            "id",
            "deviceId",
            "deviceid",
            "device",
            "sensorName",
            "thing_name",
            "machine",
            "assetid",
            "line",
            "site",
            "location",
            "area",
            "plant",
            "unit_id",
            "serial",
            "serial_number",
            "name",
            "type",
            "model",
            "topic",
            "clientid",
            "clientId",
            "device_type",
            "firmware_model",
            "mac",
        ] {
            assert!(is_identity(name), "{name}");
        }
        for name in [
            "status",
            "deviceStatus",
            "device_state",
            "level",
            "message",
            "messageId",
            "event_id",
            "temperature",
            "humid",
            "error_message",
            "sensor_value",
            "fluid",
            "co2",
            "valid",
            "mode",
            "grid",
        ] {
            assert!(!is_identity(name), "{name}");
        }
    }

    #[test]
    fn times_are_known_by_their_usual_names() {
        assert!(time_rank("timestamp") < time_rank("time"));
        for name in ["event_time", "eventTime", "dateTime", "ts", "TS", "epoch_ms", "measuredAt"] {
            assert!(time_rank(name).is_some(), "{name}");
        }
        assert_eq!(time_rank("uptime"), None);
        assert_eq!(time_rank("runtime_s"), None);
    }
}
