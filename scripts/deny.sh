#!/bin/sh
# Installs cargo-deny, which checks licences, bans and sources. Some minutes the first time.
set -eu
exec cargo install --locked --quiet cargo-deny --version 0.20.2
