"""Grafana's boards, built with Grafana's own library: `make boards` writes the JSON that Grafana loads, and their page."""
