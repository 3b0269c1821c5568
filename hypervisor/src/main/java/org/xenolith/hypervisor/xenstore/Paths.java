package org.xenolith.hypervisor.xenstore;

/** Syntax of xenstore paths (docs/misc/xenstore.txt). */
final class Paths {
    private static final String DOMAIN_PREFIX = "/local/domain/";

    private Paths() {
    }

    /** Home of a domain, to which its relative paths refer. */
    static String ofDomain(int domid) {
        return DOMAIN_PREFIX + domid;
    }

    static boolean isSpecial(String path) {
        return path.startsWith("@");
    }

    static boolean isRelative(String path) {
        return !path.startsWith("/") && !path.startsWith("@");
    }

    /**
     * The absolute form of {@code path} as seen by {@code domid}.
     *
     * @param maxLength longest path allowed, not counting a leading {@code /local/domain/<n>/}
     * @throws XsFailure EINVAL if the path is malformed or too long
     */
    static String canonical(String path, int domid, boolean allowSpecial, int maxLength) throws XsFailure {
        if (path == null || !validCharacters(path) || isSpecial(path) && !allowSpecial) {
            throw new XsFailure(XsError.EINVAL);
        }
        String name = isRelative(path) ? ofDomain(domid) + "/" + path : path;
        if (name.length() > 1 && name.endsWith("/") || name.contains("//")
                || name.length() - localOffset(name) > maxLength) {
            throw new XsFailure(XsError.EINVAL);
        }
        return name;
    }

    /** The parent of a path other than the root; a special path has the root as its parent. */
    static String parent(String path) {
        int slash = path.lastIndexOf('/');
        return slash <= 0 ? "/" : path.substring(0, slash);
    }

    static String baseName(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    static String child(String path, String name) {
        return path.equals("/") ? "/" + name : path + "/" + name;
    }

    /** Whether {@code path} is {@code ancestor} or lies below it. */
    static boolean isWithin(String path, String ancestor) {
        if (!path.startsWith(ancestor)) {
            return false;
        }
        return path.length() == ancestor.length() || ancestor.length() == 1 || path.charAt(ancestor.length()) == '/';
    }

    private static boolean validCharacters(String path) {
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            boolean ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '/'
                    || c == '_' || c == '@';
            if (!ok) {
                return false;
            }
        }
        return true;
    }

    /** Length of a leading {@code /local/domain/<up to 5 digits>/}, or 0. */
    private static int localOffset(String name) {
        if (!name.startsWith(DOMAIN_PREFIX)) {
            return 0;
        }
        int i = DOMAIN_PREFIX.length();
        int digits = 0;
        while (i < name.length() && digits < 5 && name.charAt(i) >= '0' && name.charAt(i) <= '9') {
            i++;
            digits++;
        }
        return digits > 0 && i < name.length() && name.charAt(i) == '/' ? i + 1 : 0;
    }
}
