package org.xenolith.hypervisor.hypercall;

import static org.xenolith.hypervisor.abi.Struct.bytes;
import static org.xenolith.hypervisor.abi.Struct.u16;
import static org.xenolith.hypervisor.abi.Struct.u32;
import static org.xenolith.hypervisor.abi.Struct.u64;
import static org.xenolith.hypervisor.abi.Struct.u8;

import org.xenolith.hypervisor.abi.Errno;
import org.xenolith.hypervisor.abi.Struct;
import org.xenolith.hypervisor.abi.StructView;
import org.xenolith.hypervisor.evtchn.EventChannels;

/** HYPERVISOR_event_channel_op (public/event_channel.h). */
final class EventChannelOp implements Hypercall {
    static final Struct BIND_INTERDOMAIN = Struct.of("struct evtchn_bind_interdomain", u16("remote_dom"),
            u32("remote_port"), u32("local_port"));
    static final Struct BIND_VIRQ = Struct.of("struct evtchn_bind_virq", u32("virq"), u32("vcpu"), u32("port"));
    static final Struct BIND_PIRQ = Struct.of("struct evtchn_bind_pirq", u32("pirq"), u32("flags"), u32("port"));
    static final Struct BIND_IPI = Struct.of("struct evtchn_bind_ipi", u32("vcpu"), u32("port"));
    static final Struct STATUS = Struct.of("struct evtchn_status", u16("dom"), u32("port"), u32("status"), u32("vcpu"),
            u16("u.interdomain.dom"), u32("u.interdomain.port"));
    static final Struct ALLOC_UNBOUND = Struct.of("struct evtchn_alloc_unbound", u16("dom"), u16("remote_dom"),
            u32("port"));
    static final Struct BIND_VCPU = Struct.of("struct evtchn_bind_vcpu", u32("port"), u32("vcpu"));
    static final Struct INIT_CONTROL = Struct.of("struct evtchn_init_control",
            u64("control_gfn"), u32("offset"), u32("vcpu"), u8("link_bits"), bytes("_pad", 7));
    static final Struct EXPAND_ARRAY = Struct.of("struct evtchn_expand_array", u64("array_gfn"));
    static final Struct SET_PRIORITY = Struct.of("struct evtchn_set_priority", u32("port"), u32("priority"));

    private static final int STATUS_UNBOUND = 1;
    private static final int STATUS_INTERDOMAIN = 2;
    private static final int STATUS_PIRQ = 3;
    private static final int STATUS_VIRQ = 4;

    private final SubOperations operations = new SubOperations("event_channel_op")
            .add(0, "bind_interdomain", EventChannelOp::bindInterdomain)
            .add(1, "bind_virq", EventChannelOp::bindVirq)
            .add(2, "bind_pirq", (c, arg) -> {
                StructView s = c.read(BIND_PIRQ, arg);
                s.set("port", events(c).bindPirq(s.get32("pirq")));
                c.write(s, arg);
                return 0;
            })
            .add(3, "close", (c, arg) -> {
                events(c).close(c.read32(arg));
                return 0;
            })
            .add(4, "send", (c, arg) -> {
                events(c).send(c.read32(arg));
                return 0;
            })
            .add(5, "status", EventChannelOp::status)
            .add(6, "alloc_unbound", EventChannelOp::allocUnbound)
            .add(7, "bind_ipi", EventChannelOp::bindIpi)
            .add(8, "bind_vcpu", (c, arg) -> {
                StructView v = c.read(BIND_VCPU, arg);
                events(c).bindVcpu(v.get32("port"), v.get32("vcpu"));
                return 0;
            })
            .add(9, "unmask", (c, arg) -> {
                events(c).unmask(c.read32(arg));
                return 0;
            })
            .add(10, "reset", (c, arg) -> {
                c.self(c.read16(arg)).events().reset();
                return 0;
            })
            .add(11, "init_control", EventChannelOp::initControl)
            .add(12, "expand_array", (c, arg) -> {
                events(c).expandArray(c.read(EXPAND_ARRAY, arg).get("array_gfn"));
                return 0;
            })
            .add(13, "set_priority", (c, arg) -> {
                StructView v = c.read(SET_PRIORITY, arg);
                events(c).setPriority(v.get32("port"), v.get32("priority"));
                return 0;
            });

    @Override
    public long call(HypercallContext c) {
        return operations.call(c, c.arg32(0), c.arg(1));
    }

    private static EventChannels events(HypercallContext c) {
        return c.domain().events();
    }

    private static long bindInterdomain(HypercallContext c, long arg) {
        StructView v = c.read(BIND_INTERDOMAIN, arg);
        int port = events(c).bindInterdomain(c.resolve(v.get32("remote_dom")), v.get32("remote_port"));
        v.set("local_port", port);
        c.write(v, arg);
        return 0;
    }

    private static long bindVirq(HypercallContext c, long arg) {
        StructView v = c.read(BIND_VIRQ, arg);
        v.set("port", events(c).bindVirq(v.get32("virq"), v.get32("vcpu")));
        c.write(v, arg);
        return 0;
    }

    private static long bindIpi(HypercallContext c, long arg) {
        StructView v = c.read(BIND_IPI, arg);
        v.set("port", events(c).bindIpi(v.get32("vcpu")));
        c.write(v, arg);
        return 0;
    }

    private static long allocUnbound(HypercallContext c, long arg) {
        StructView v = c.read(ALLOC_UNBOUND, arg);
        v.set("port", c.self(v.get32("dom")).events().allocUnbound(c.resolve(v.get32("remote_dom"))));
        c.write(v, arg);
        return 0;
    }

    private static long status(HypercallContext c, long arg) {
        StructView v = c.read(STATUS, arg);
        EventChannels.Status s = c.self(v.get32("dom")).events().status(v.get32("port"));
        v.set("status", s.state());
        v.set("vcpu", s.vcpu());
        v.set("u.interdomain.dom", 0);
        v.set("u.interdomain.port", 0);
        switch (s.state()) {
            case STATUS_UNBOUND -> v.set("u.interdomain.dom", s.remoteDomid());
            case STATUS_INTERDOMAIN -> {
                v.set("u.interdomain.dom", s.remoteDomid());
                v.set("u.interdomain.port", s.remotePort());
            }
            // u.pirq and u.virq are 32 bits at the same place, with numbers below 2^16
            case STATUS_PIRQ, STATUS_VIRQ -> v.set("u.interdomain.dom", s.irq());
            default -> {}
        }
        c.write(v, arg);
        return 0;
    }

    private static long initControl(HypercallContext c, long arg) {
        StructView v = c.read(INIT_CONTROL, arg);
        if (Integer.compareUnsigned(v.get32("vcpu"), c.domain().vcpuCount()) >= 0) {
            return -Errno.ENOENT;
        }
        v.set("link_bits", events(c).initControl(v.get32("vcpu"), v.get("control_gfn"), v.get32("offset")));
        c.write(v, arg);
        return 0;
    }
}
