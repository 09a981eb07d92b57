#!/usr/bin/env bash
# What Prefect's own entrypoint does, as far as a flow run can tell.
set -e

if [ -n "$EXTRA_PIP_PACKAGES" ]; then
  # Unquoted: the variable holds several requirements, separated by blanks.
  uv pip install $EXTRA_PIP_PACKAGES
fi

if [ $# -eq 0 ]; then
  set -- bash --login
fi
exec "$@"
