"""The process that clients talk to: who may, what waits, and which engine has it."""
