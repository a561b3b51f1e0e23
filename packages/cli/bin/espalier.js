#!/usr/bin/env node
// A file of its own, and not dist/bin.js, because npm links and marks executable only what is there when it installs.
import '../dist/bin.js'
