"""Evaluations: how often each variation of a flag was served, and when a flag was last asked for."""

from assay.warehouse.engine import Query

DEFAULT_SERVED = -1


def evaluation_counts(
    environment: str, flag: str, *, variations: int, start_ms: int, end_ms: int, bucket_ms: int
) -> Query:
    """One row per bucket and variation: how many evaluations ended in it, for those of `[start_ms, end_ms)`.

    Where the caller's default was served, or what is no variation any more, the variation is `DEFAULT_SERVED`.
    """
    sql = f"""select cast(floor(end_ms / $bucket_ms) as bigint) as bucket,
    case when variation < $variations then variation else {DEFAULT_SERVED} end as served,
    cast(sum(times) as bigint) as times
from evaluations
where environment = $environment and flag = $flag and end_ms >= $start_ms and end_ms < $end_ms
group by bucket, served
order by bucket, served"""
    return Query(
        sql,
        {
            "environment": environment,
            "flag": flag,
            "variations": variations,
            "start_ms": start_ms,
            "end_ms": end_ms,
            "bucket_ms": bucket_ms,
        },
    )


def requests(environment: str, since_ms: int, flag: str | None = None) -> Query:
    """One row per flag (or for the one) that was ever asked for.

    Its key; when the last evaluation ended; when the last one was received; how many different outcomes it had
    since `since_ms`, the caller's default being one, and evaluations by SDKs that didn't know the flag none; the
    latest default seen in code, as JSON or null.
    """
    sql = f"""with asked as (
    -- one row per tally
    select flag, end_ms, received_ms, code_default,
        case when end_ms >= $since_ms and not unknown then coalesce(variation, {DEFAULT_SERVED}) end as outcome
    from evaluations
    where environment = $environment {"and flag = $flag" if flag is not None else ""}
),
flags as (
    select flag, max(end_ms) as last_requested, max(received_ms) as last_received,
        count(distinct outcome) as outcomes,
        max(case when code_default is not null then end_ms end) as default_seen
    from asked
    group by flag
)
select f.flag, min(last_requested), min(last_received), min(outcomes), min(a.code_default)
from flags f
left join asked a on a.flag = f.flag and a.end_ms = f.default_seen
group by f.flag
order by f.flag"""
    parameters: dict[str, str | int] = {"environment": environment, "since_ms": since_ms}
    return Query(sql, parameters if flag is None else {**parameters, "flag": flag})
