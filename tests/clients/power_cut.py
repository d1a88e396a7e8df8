#!/usr/bin/env python3
"""power_cut.py MOUNT: takes a file system's power away at once (ioctl EXT4_IOC_SHUTDOWN without flushing its journal). Needs root."""
import fcntl
import os
import struct
import sys

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2

mount = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(mount, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
