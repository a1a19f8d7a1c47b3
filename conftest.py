"""What every test needs."""

import signal

# A shell starts what runs in the background with Ctrl-C ignored, and a child inherits that; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
