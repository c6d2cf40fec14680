package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/** First in, first out, through the mutations' own links. A mutation is in at most one. */
final class MutationQueue {
    private @Nullable Mutation head;
    private @Nullable Mutation tail;
    private int size;

    boolean isEmpty() {
        return head == null;
    }

    int size() {
        return size;
    }

    @Nullable
    Mutation peek() {
        return head;
    }

    void add(Mutation mutation) {
        mutation.next = null;
        if (tail == null) {
            head = mutation;
        } else {
            tail.next = mutation;
        }
        tail = mutation;
        size++;
    }

    @Nullable
    Mutation poll() {
        Mutation first = head;
        if (first != null) {
            head = first.next;
            if (head == null) {
                tail = null;
            }
            first.next = null;
            size--;
        }
        return first;
    }

    boolean remove(Mutation mutation) {
        Mutation before = null;
        for (Mutation m = head; m != null; before = m, m = m.next) {
            if (m == mutation) {
                if (before == null) {
                    head = m.next;
                } else {
                    before.next = m.next;
                }
                if (m == tail) {
                    tail = before;
                }
                m.next = null;
                size--;
                return true;
            }
        }
        return false;
    }

    void clear() {
        head = null;
        tail = null;
        size = 0;
    }
}
