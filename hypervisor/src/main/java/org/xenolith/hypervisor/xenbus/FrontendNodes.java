package org.xenolith.hypervisor.xenbus;

import java.util.Optional;
import org.xenolith.hypervisor.xenstore.XenstoreClient;

/** What a front end has written into its folder, read as it is now and checked: the guest may have put anything there. */
public final class FrontendNodes {
    private static final int MAX_DIGITS = 10;

    private final XenstoreClient client;
    private final String folder;

    FrontendNodes(XenstoreClient client, String folder) {
        this.client = client;
        this.folder = folder;
    }

    /** A node's text, {@code name} relative to the front end's folder. */
    public Optional<String> text(String name) {
        return client.read(folder + "/" + name);
    }

    /**
     * A node's number.
     *
     * @param absent what a missing node means
     * @throws XenbusException when the node is there and no number from {@code min} to {@code max}
     */
    public long number(String name, long min, long max, long absent) throws XenbusException {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            return absent;
        }
        return parse(name, text.get(), min, max);
    }

    /** As {@link #number(String, long, long, long)}, for a node that must be there. */
    public long number(String name, long min, long max) throws XenbusException {
        Optional<String> text = text(name);
        if (text.isEmpty()) {
            throw new XenbusException("reading " + folder + "/" + name);
        }
        return parse(name, text.get(), min, max);
    }

    /** Whether a {@code feature-…} node is there and not 0; text that is no number means no. */
    public boolean feature(String name) {
        return text(name).map(t -> t.length() <= MAX_DIGITS && t.chars().allMatch(c -> c >= '0' && c <= '9')
                && t.chars().anyMatch(c -> c != '0')).orElse(false);
    }

    private static long parse(String name, String text, long min, long max) throws XenbusException {
        boolean digits = !text.isEmpty() && text.length() <= MAX_DIGITS
                && text.chars().allMatch(c -> c >= '0' && c <= '9');
        long value = digits ? Long.parseLong(text) : -1;
        if (value < min || value > max || value < 0) {
            throw new XenbusException(name + " is no number from " + min + " to " + max);
        }
        return value;
    }
}
