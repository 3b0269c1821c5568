package org.xenolith.hypervisor;

import org.xenolith.bus.IrqLine;

/**
 * The interrupt line by which an HVM guest hears of event channels when it has not chosen a vector: asserted while the upcall of vCPU 0 is
 * pending (public/hvm/params.h, HVM_PARAM_CALLBACK_IRQ).
 */
public final class CallbackLine {
    private static final int TYPE_SHIFT = 56;
    private static final int MAX_GSI = 0xff;

    private final Domain domain;
    private long chosen;
    private IrqLine line;
    private boolean asserted;

    CallbackLine(Domain domain) {
        this.domain = domain;
    }

    /** To be called when the guest has chosen another callback, or its upcall may have become pending or not. */
    public void changed() {
        long via = domain.params().get(HvmParams.CALLBACK_IRQ);
        if (via != chosen) {
            drive(false);
            chosen = via;
            line = find(via);
        }
        if (line != null) {
            Vcpu first = domain.vcpu(0);
            drive(first.info() != null && first.info().upcallPending());
        }
    }

    /** Lets the line go as soon as the upcall is not pending any more: asked between instructions. */
    void settle() {
        if (asserted) {
            changed();
        }
    }

    private void drive(boolean level) {
        if (level != asserted && line != null) {
            asserted = level;
            line.set(level);
        }
    }

    private IrqLine find(long via) {
        int type = (int) (via >>> TYPE_SHIFT);
        if (type == HvmParams.CALLBACK_TYPE_VECTOR || via == 0) {
            return null;
        }
        IrqLine found = switch (type) {
            case HvmParams.CALLBACK_TYPE_GSI -> domain.platform().gsi((int) Math.min(via, MAX_GSI));
            case HvmParams.CALLBACK_TYPE_PCI_INTX -> domain.platform().intx((int) (via >>> 8) & 0xff, (int) via & 3);
            default -> null;
        };
        // Linux sets GSI 1 as a sign for the toolstack when it uses vectors by vCPU, which is fine without interrupt controllers
        if (found == null && domain.vcpu(0).upcallVector() == 0) {
            domain.count("hvm_param:callback_irq.type" + type);
        }
        return found;
    }
}
