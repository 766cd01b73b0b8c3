"""The tables that every engine holds, and what one row of each is."""

VERSION = 4

# How far back a payload id is remembered, at the least.
REMEMBERED_MS = 7 * 86_400_000

# Of a longer event neither attributes nor properties are kept here: fifty contexts would make fifty times as much.
LONGEST_TELLING_BYTES = 32_000

# A context that says more of itself is kept by its key alone.
LONGEST_ATTRIBUTES_BYTES = 8_000

CREATE = (
    # one row: the version of these tables, and up to where the log is loaded
    "create table loaded (version integer, segment bigint, bytes bigint)",
    # one row per payload with an id, by which a repeat is known
    "create table payloads (environment varchar, payload varchar, seq bigint, received_ms bigint)",
    # one row per feature event and context kind; unit_kind is null where the event names nobody;
    # attributes are the context's as JSON, null where the event tells only its key
    """create table flag_events (
        environment varchar, flag varchar, seq bigint, n integer, received_ms bigint, at_ms bigint,
        skewed boolean, version bigint, variation integer, in_experiment boolean, reason_kind varchar,
        rule_id varchar, unit_kind varchar, unit_key varchar, attributes varchar)""",
    # one row per custom, click or pageview event and context kind; properties are what came with the event, as JSON
    """create table metric_events (
        environment varchar, event_key varchar, kind varchar, seq bigint, n integer, received_ms bigint,
        at_ms bigint, skewed boolean, value double, unit_kind varchar, unit_key varchar, attributes varchar,
        properties varchar)""",
    # one row per flag, variation, version and summary (or lone evaluation): how often, from when to when;
    # variation is null where the caller's default was served, which code_default holds as JSON
    """create table evaluations (
        environment varchar, flag varchar, seq bigint, n integer, received_ms bigint, start_ms bigint,
        end_ms bigint, skewed boolean, variation integer, version bigint, unknown boolean, times bigint,
        code_default varchar)""",
    # one row per event that can't count, with the reason
    """create table quarantine (
        environment varchar, seq bigint, n integer, received_ms bigint, reason varchar, event varchar)""",
    # one row per context that an event told of; attributes are the latest that it came with, as JSON, null where
    # every event named its key alone
    """create table contexts (
        environment varchar, kind varchar, key varchar, attributes varchar, last_seen_ms bigint,
        primary key (environment, kind, key))""",
)

# The columns of a log line that are loaded; whatever else it holds stays in the log.
LINE = {
    "env": "varchar",
    "seq": "bigint",
    "n": "integer",
    "received_ms": "bigint",
    "kind": "varchar",
    "payload": "varchar",
    "key": "varchar",
    "at_ms": "bigint",
    "skewed": "boolean",
    "version": "bigint",
    "variation": "integer",
    "reason_kind": "varchar",
    "rule_id": "varchar",
    "in_experiment": "boolean",
    "value": "double",
    "units": "struct(kind varchar, key varchar)[]",
    "start_ms": "bigint",
    "tallies": "struct(flag varchar, times bigint, variation integer, version bigint, unknown boolean, "
    "code_default varchar)[]",
    "bad": "varchar",
}
