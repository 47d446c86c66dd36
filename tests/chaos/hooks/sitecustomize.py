"""Python runs this first in every process that has this folder on its path: those of the chaos stand."""

from tests.chaos import points

points.install()
