"""One module per model, under the names scripts import; `launchdarkly_api.models` gathers them."""
