"""One module per group of operations; `launchdarkly_api.apis` gathers them."""
