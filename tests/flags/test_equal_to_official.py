"""For any flags, segments and contexts our evaluator answers what the official Python SDK's does."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ldclient.context import Context

from assay.flags.context import canonical_key, parse_context
from assay.flags.evaluation import compile_set
from flags.generated import contexts, flag_sets, segment_sets
from flags.official import Documents, Official, ours

BULK = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


@pytest.mark.slow
@BULK
@given(flag_sets, segment_sets, st.lists(contexts, min_size=16, max_size=16))
def test_any_evaluation_equals_the_official_one(
    flags: Documents, segments: Documents, some: list[dict[str, Any]]
) -> None:
    compiled = compile_set(flags, segments)
    official = Official(flags, segments)
    for context in some:
        for key in flags:
            assert ours(compiled, key, context) == official.answer(key, context)


@settings(deadline=None, derandomize=True)
@given(contexts)
def test_any_context_has_the_official_key(context: dict[str, Any]) -> None:
    assert canonical_key(parse_context(context)) == Context.from_dict(context).fully_qualified_key
