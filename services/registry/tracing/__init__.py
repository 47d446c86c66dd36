"""Traces by OpenTelemetry: without a collector named in `OTEL_*` variables, every span here is one that does nothing."""
