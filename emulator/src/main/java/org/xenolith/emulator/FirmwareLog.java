package org.xenolith.emulator;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenolith.devices.CharBackend;

/** What firmware writes to its debug ports (402h, E9h), line by line in our log at level debug. */
final class FirmwareLog implements CharBackend {
    private static final Logger LOG = LoggerFactory.getLogger(FirmwareLog.class);
    private static final int LONGEST = 256;

    private final String guest;
    private final StringBuilder line = new StringBuilder();

    FirmwareLog(String guest) {
        this.guest = guest;
    }

    @Override
    public void send(int b) {
        if (b != '\n' && b != '\r') {
            line.append(b >= ' ' && b < 0x7f ? (char) b : '?');
        }
        if (line.length() > 0 && (b == '\n' || line.length() == LONGEST)) {
            LOG.debug("{}: {}", guest, line);
            line.setLength(0);
        }
    }

    @Override
    public int poll() {
        return -1;
    }

    @Override
    public void setInputListener(Runnable listener) {
        // nobody types here
    }
}
