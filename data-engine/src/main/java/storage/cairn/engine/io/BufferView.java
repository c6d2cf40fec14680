package storage.cairn.engine.io;

import io.netty.buffer.AbstractReferenceCountedByteBuf;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.GatheringByteChannel;
import java.nio.channels.ScatteringByteChannel;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;

/** A piece of a slab buffer in the shape that Netty's channels read into and write from. */
final class BufferView extends AbstractReferenceCountedByteBuf {
    private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);

    private final BufferViews home;
    private @Nullable Buffer buffer;
    private BufferViews.@Nullable Released released;
    private ByteBuffer bytes = NOTHING;
    private long address;
    private int offset;
    private int length;

    BufferView(BufferViews home) {
        super(Integer.MAX_VALUE);
        this.home = home;
        setRefCnt(0);
    }

    void lend(
            Buffer of,
            ByteBuffer itsBytes,
            long atAddress,
            int atOffset,
            int bytesLong,
            BufferViews.@Nullable Released whenReleased) {
        buffer = of;
        bytes = itsBytes;
        address = atAddress;
        offset = atOffset;
        length = bytesLong;
        released = whenReleased;
        resetRefCnt();
        setIndex(0, 0);
        discardMarks();
    }

    private void discardMarks() {
        markReaderIndex();
        markWriterIndex();
    }

    @Override
    protected void deallocate() {
        Buffer held = buffer;
        BufferViews.Released listener = released;
        int size = length;
        buffer = null;
        released = null;
        bytes = NOTHING;
        length = 0;
        home.putBack(this);
        if (held != null) {
            held.release();
        }
        if (listener != null) {
            listener.released(size);
        }
    }

    @Override
    public int capacity() {
        return length;
    }

    @Override
    public ByteBuf capacity(int newCapacity) {
        throw new UnsupportedOperationException("a view of a slab buffer cannot change its size");
    }

    @Override
    public boolean hasMemoryAddress() {
        return true;
    }

    @Override
    public long memoryAddress() {
        ensureAccessible();
        return address;
    }

    @Override
    public boolean isDirect() {
        return true;
    }

    @Override
    public boolean isContiguous() {
        return true;
    }

    @Override
    public boolean hasArray() {
        return false;
    }

    @Override
    public byte[] array() {
        throw new UnsupportedOperationException("direct memory");
    }

    @Override
    public int arrayOffset() {
        throw new UnsupportedOperationException("direct memory");
    }

    @Override
    public ByteBufAllocator alloc() {
        return UnpooledByteBufAllocator.DEFAULT;
    }

    @Override
    @SuppressWarnings("deprecation")
    public ByteOrder order() {
        return ByteOrder.BIG_ENDIAN;
    }

    @Override
    public @Nullable ByteBuf unwrap() {
        return null;
    }

    @Override
    public int nioBufferCount() {
        return 1;
    }

    @Override
    public ByteBuffer nioBuffer(int index, int count) {
        checkIndex(index, count);
        return bytes.slice(offset + index, count);
    }

    @Override
    public ByteBuffer internalNioBuffer(int index, int count) {
        return nioBuffer(index, count);
    }

    @Override
    public ByteBuffer[] nioBuffers(int index, int count) {
        return new ByteBuffer[] {nioBuffer(index, count)};
    }

    @Override
    public ByteBuf copy(int index, int count) {
        checkIndex(index, count);
        ByteBuf copy = alloc().directBuffer(count);
        return copy.writeBytes(nioBuffer(index, count));
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuf to, int toIndex, int count) {
        checkDstIndex(index, count, toIndex, to.capacity());
        to.setBytes(toIndex, nioBuffer(index, count));
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, byte[] to, int toIndex, int count) {
        checkDstIndex(index, count, toIndex, to.length);
        bytes.get(offset + index, to, toIndex, count);
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, ByteBuffer to) {
        to.put(nioBuffer(index, to.remaining()));
        return this;
    }

    @Override
    public ByteBuf getBytes(int index, OutputStream to, int count) throws IOException {
        byte[] copy = new byte[count];
        getBytes(index, copy, 0, count);
        to.write(copy);
        return this;
    }

    @Override
    public int getBytes(int index, GatheringByteChannel to, int count) throws IOException {
        return to.write(nioBuffer(index, count));
    }

    @Override
    public int getBytes(int index, FileChannel to, long position, int count) throws IOException {
        return to.write(nioBuffer(index, count), position);
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuf from, int fromIndex, int count) {
        checkSrcIndex(index, count, fromIndex, from.capacity());
        from.getBytes(fromIndex, nioBuffer(index, count));
        return this;
    }

    @Override
    public ByteBuf setBytes(int index, byte[] from, int fromIndex, int count) {
        checkSrcIndex(index, count, fromIndex, from.length);
        bytes.put(offset + index, from, fromIndex, count);
        return this;
    }

    @Override
    public ByteBuf setBytes(int index, ByteBuffer from) {
        nioBuffer(index, from.remaining()).put(from);
        return this;
    }

    @Override
    public int setBytes(int index, InputStream from, int count) throws IOException {
        byte[] copy = new byte[count];
        int read = from.read(copy);
        if (read > 0) {
            setBytes(index, copy, 0, read);
        }
        return read;
    }

    @Override
    public int setBytes(int index, ScatteringByteChannel from, int count) throws IOException {
        return from.read(nioBuffer(index, count));
    }

    @Override
    public int setBytes(int index, FileChannel from, long position, int count) throws IOException {
        return from.read(nioBuffer(index, count), position);
    }

    @Override
    protected byte _getByte(int index) {
        return bytes.get(offset + index);
    }

    @Override
    protected short _getShort(int index) {
        return (short) (_getByte(index) << 8 | (_getByte(index + 1) & 0xff));
    }

    @Override
    protected short _getShortLE(int index) {
        return Short.reverseBytes(_getShort(index));
    }

    @Override
    protected int _getUnsignedMedium(int index) {
        return (_getByte(index) & 0xff) << 16 | (_getShort(index + 1) & 0xffff);
    }

    @Override
    protected int _getUnsignedMediumLE(int index) {
        return (_getByte(index + 2) & 0xff) << 16 | (_getShortLE(index) & 0xffff);
    }

    @Override
    protected int _getInt(int index) {
        return _getShort(index) << 16 | (_getShort(index + 2) & 0xffff);
    }

    @Override
    protected int _getIntLE(int index) {
        return Integer.reverseBytes(_getInt(index));
    }

    @Override
    protected long _getLong(int index) {
        return (long) _getInt(index) << 32 | (_getInt(index + 4) & 0xffffffffL);
    }

    @Override
    protected long _getLongLE(int index) {
        return Long.reverseBytes(_getLong(index));
    }

    @Override
    protected void _setByte(int index, int value) {
        bytes.put(offset + index, (byte) value);
    }

    @Override
    protected void _setShort(int index, int value) {
        _setByte(index, value >> 8);
        _setByte(index + 1, value);
    }

    @Override
    protected void _setShortLE(int index, int value) {
        _setShort(index, Short.reverseBytes((short) value));
    }

    @Override
    protected void _setMedium(int index, int value) {
        _setByte(index, value >> 16);
        _setShort(index + 1, value);
    }

    @Override
    protected void _setMediumLE(int index, int value) {
        _setShortLE(index, value);
        _setByte(index + 2, value >> 16);
    }

    @Override
    protected void _setInt(int index, int value) {
        _setShort(index, value >> 16);
        _setShort(index + 2, value);
    }

    @Override
    protected void _setIntLE(int index, int value) {
        _setInt(index, Integer.reverseBytes(value));
    }

    @Override
    protected void _setLong(int index, long value) {
        _setInt(index, (int) (value >> 32));
        _setInt(index + 4, (int) value);
    }

    @Override
    protected void _setLongLE(int index, long value) {
        _setLong(index, Long.reverseBytes(value));
    }
}
