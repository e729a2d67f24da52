"""Channels for Notefly's tests. `whatsapp` and `pager` show how a team writes one."""
