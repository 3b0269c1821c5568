package org.xenolith.hypervisor.xenstore;

/**
 * One registered watch.
 *
 * @param path absolute path, or a special one with {@code @}
 * @param token the client's own mark
 * @param prefixLength characters to leave out of paths in events, because the watch was set with a relative path
 */
record Watch(String path, String token, int prefixLength) {
    /** The path as this watch's client names it. */
    String reported(String changedPath) {
        return changedPath.substring(prefixLength);
    }

    int size() {
        return path.length() + token.length();
    }
}
