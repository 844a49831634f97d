#!/usr/bin/env node
/** The program `demitter-forwarder`: everything it does is in forwarder/command.ts. */
import { runCommand } from './forwarder/command.js';

void runCommand(process.argv.slice(2));
