package org.xenolith.hypervisor.xenbus;

import java.util.List;
import java.util.SortedMap;
import org.xenolith.hypervisor.xenstore.DomainTree;
import org.xenolith.hypervisor.xenstore.NodePermission;
import org.xenolith.hypervisor.xenstore.XenstoreClient;
import org.xenolith.hypervisor.xenstore.XenstoreTransaction;

/**
 * Where the nodes of one split device are, with domain 0 as its back end (docs/misc/xenstore-paths.pandoc).
 *
 * @param kind {@code vif}, {@code vbd}, …
 * @param domid the front end's domain
 * @param id the device's number, as in {@code device/vif/0}
 */
public record XenbusDevice(String kind, int domid, int id) {
    private static final int BACKEND_DOMID = 0;

    /** The front end's folder, which belongs to the guest. */
    public String frontend() {
        return DomainTree.home(domid) + "/device/" + kind + "/" + id;
    }

    /** The back end's folder, which the guest may read. */
    public String backend() {
        return DomainTree.home(BACKEND_DOMID) + "/backend/" + kind + "/" + domid + "/" + id;
    }

    private String libxl() {
        return "/libxl/" + domid + "/device/" + kind + "/" + id;
    }

    /**
     * Writes both folders as libxl does, with both states {@link XenbusState#INITIALISING}; what was there before goes.
     *
     * @param front nodes of the front end beyond {@code backend}, {@code backend-id} and {@code state}
     * @param back nodes of the back end beyond {@code frontend}, {@code frontend-id}, {@code online} and {@code state}
     */
    public void create(XenstoreClient client, SortedMap<String, String> front, SortedMap<String, String> back) {
        client.inTransaction(t -> {
            folder(t, frontend(), domid, BACKEND_DOMID);
            folder(t, backend(), BACKEND_DOMID, domid);
            t.rmIfExists(libxl());
            t.mkdir(libxl());
            t.write(frontend() + "/backend", backend());
            t.write(frontend() + "/backend-id", BACKEND_DOMID);
            front.forEach((name, value) -> t.write(frontend() + "/" + name, value));
            t.write(frontend() + "/state", XenbusState.INITIALISING.number());
            for (String place : List.of(backend(), libxl())) {
                t.write(place + "/frontend", frontend());
                t.write(place + "/frontend-id", domid);
                t.write(place + "/online", "1");
                back.forEach((name, value) -> t.write(place + "/" + name, value));
                t.write(place + "/state", XenbusState.INITIALISING.number());
            }
            t.write(libxl() + "/backend", backend());
        });
    }

    private static void folder(XenstoreTransaction t, String path, int owner, int reader) {
        t.rmIfExists(path);
        t.mkdir(path);
        t.setPermissions(path, List.of(NodePermission.none(owner), NodePermission.read(reader)));
    }

    /** Removes both folders, and the folder of the domain's back ends of this kind when this was the last. */
    public void remove(XenstoreClient client) {
        client.inTransaction(t -> {
            t.rmIfExists(frontend());
            t.rmIfExists(backend());
            t.rmIfExists(libxl());
            String all = DomainTree.home(BACKEND_DOMID) + "/backend/" + kind + "/" + domid;
            if (t.list(all).isEmpty()) {
                t.rmIfExists(all);
            }
        });
    }
}
