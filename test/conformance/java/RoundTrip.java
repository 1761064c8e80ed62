import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.message.ApiMessageType;

/**
 * Reads message bodies with Kafka's generated classes and writes them again. One line in, one line out:
 * {@code apiKey request|response version hex} becomes the hex of what was written, or {@code error ...}.
 */
public final class RoundTrip {
    public static void main(String[] args) throws Exception {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        StringBuilder answer = new StringBuilder();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ", -1);
            answer.append(roundTrip(Short.parseShort(words[0]), words[1], Short.parseShort(words[2]), words[3])).append('\n');
        }
        System.out.print(answer);
    }

    private static String roundTrip(short apiKey, String type, short version, String hex) {
        try {
            ApiMessageType api = ApiMessageType.fromApiKey(apiKey);
            ApiMessage message = type.equals("request") ? api.newRequest() : api.newResponse();
            ByteBuffer body = ByteBuffer.wrap(HexFormat.of().parseHex(hex));
            message.read(new ByteBufferAccessor(body), version);
            if (body.hasRemaining()) return "error " + body.remaining() + " bytes left";
            ObjectSerializationCache cache = new ObjectSerializationCache();
            ByteBuffer written = ByteBuffer.allocate(message.size(cache, version));
            message.write(new ByteBufferAccessor(written), cache, version);
            return HexFormat.of().formatHex(written.array());
        } catch (RuntimeException e) {
            return "error " + e;
        }
    }
}
