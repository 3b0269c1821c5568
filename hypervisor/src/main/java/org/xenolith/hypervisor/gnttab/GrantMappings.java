package org.xenolith.hypervisor.gnttab;

import java.util.ArrayList;
import java.util.List;

/** The grants that one domain has mapped, by handle (Xen: the maptrack). */
public final class GrantMappings {
    /** GNTMAP_* flags. */
    public static final int DEVICE_MAP = 1;
    public static final int HOST_MAP = 2;
    public static final int READONLY = 4;
    public static final int APPLICATION_MAP = 8;
    public static final int CONTAINS_PTE = 16;

    /**
     * A mapping.
     *
     * @param devBusAddr machine address of the page
     */
    public record Mapped(int handle, long devBusAddr) {
    }

    private record Mapping(PinnedGrant pin, long hostAddr, int flags) {
    }

    private final GrantDomain domain;
    private final int maxHandles;
    private final List<Mapping> mappings = new ArrayList<>();
    private int lowestFree;

    /**
     * Creates an empty list.
     *
     * @param maxHandles most mappings at a time
     */
    public GrantMappings(GrantDomain domain, int maxHandles) {
        this.domain = domain;
        this.maxHandles = maxHandles;
    }

    /** GNTTABOP_map_grant_ref, one entry. */
    public Mapped map(int granterDomid, int ref, int flags, long hostAddr, GrantTarget target) throws GrantException {
        if ((flags & (DEVICE_MAP | HOST_MAP)) == 0) {
            throw new GrantException(GrantStatus.BAD_GNTREF);
        }
        if ((flags & HOST_MAP) == 0) {
            // device-only mappings need an IOMMU
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        GrantTable table = domain.grantTable(granterDomid);
        if (table == null) {
            throw new GrantException(GrantStatus.BAD_DOMAIN);
        }
        int handle = freeHandle();
        boolean readOnly = (flags & READONLY) != 0;
        PinnedGrant pin = table.pin(domain.domid(), ref, !readOnly);
        if (!target.map(hostAddr, flags, pin.page().mfn())) {
            pin.close();
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        if (handle == mappings.size()) {
            mappings.add(null);
        }
        mappings.set(handle, new Mapping(pin, hostAddr, flags));
        lowestFree = handle + 1;
        return new Mapped(handle, pin.page().mfn() << 12);
    }

    private int freeHandle() throws GrantException {
        int h = lowestFree;
        while (h < mappings.size() && mappings.get(h) != null) {
            h++;
        }
        if (h >= maxHandles) {
            throw new GrantException(GrantStatus.NO_SPACE);
        }
        return h;
    }

    /** GNTTABOP_unmap_grant_ref, one entry; {@code hostAddr} 0 leaves the host mapping alone, as does Xen. */
    public void unmap(int handle, long hostAddr, long devBusAddr, GrantTarget target) throws GrantException {
        Mapping m = mapping(handle);
        if (devBusAddr != 0 && devBusAddr != m.pin.page().mfn() << 12) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        if (hostAddr != 0) {
            remove(handle, m, hostAddr, 0, target);
        }
    }

    /** GNTTABOP_unmap_and_replace, one entry: what is mapped at {@code newAddr} moves to where the grant was. */
    public void replace(int handle, long hostAddr, long newAddr, GrantTarget target) throws GrantException {
        remove(handle, mapping(handle), hostAddr, newAddr, target);
    }

    private Mapping mapping(int handle) throws GrantException {
        if (handle < 0 || handle >= mappings.size() || mappings.get(handle) == null) {
            throw new GrantException(GrantStatus.BAD_HANDLE);
        }
        return mappings.get(handle);
    }

    private void remove(int handle, Mapping m, long hostAddr, long newAddr, GrantTarget target)
            throws GrantException {
        if (!target.unmap(hostAddr, m.flags, m.pin.page().mfn(), newAddr)) {
            throw new GrantException(GrantStatus.GENERAL_ERROR);
        }
        mappings.set(handle, null);
        lowestFree = Math.min(lowestFree, handle);
        m.pin.close();
    }

    public int count() {
        return (int) mappings.stream().filter(m -> m != null).count();
    }

    /** Ends all mappings, when the domain dies. */
    public void destroy(GrantTarget target) {
        for (int h = 0; h < mappings.size(); h++) {
            Mapping m = mappings.get(h);
            if (m != null) {
                target.drop(m.hostAddr, m.pin.page().mfn());
                m.pin.close();
                mappings.set(h, null);
            }
        }
    }
}
