package org.xenolith.hypervisor.xenstore;

/** The errors that xenstore can answer; on the wire each is its own name ({@code xsd_errors} of xs_wire.h). */
public enum XsError {
    EINVAL,
    EACCES,
    EEXIST,
    EISDIR,
    ENOENT,
    ENOMEM,
    ENOSPC,
    EIO,
    ENOTEMPTY,
    ENOSYS,
    EROFS,
    EBUSY,
    EAGAIN,
    EISCONN,
    E2BIG,
    EPERM
}
