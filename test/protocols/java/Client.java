import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.SubmissionPublisher;

/**
 * java.net.http: `java Client.java VERSION PORT` says each step that held, one a line. HTTP_2 is what it has unless
 * told otherwise: over plain text it then asks for an upgrade with its first request, which nobody has to grant.
 */
class Client {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.valueOf(args[0])).build();
    String base = "http://127.0.0.1:" + args[1];
    get(client, base);
    System.out.println("GET");
    String body = "yarn".repeat(50_000);
    check(post(client, base, body).equals(body), "what was posted");
    System.out.println("POST");
    stream(client, base);
    System.out.println("streamed");
    for (int turn = 0; turn < 100; turn += 1) get(client, base);
    System.out.println("100 requests");
  }

  static HttpRequest.Builder to(String base, String path) {
    return HttpRequest.newBuilder(URI.create(base + path)).timeout(Duration.ofSeconds(30));
  }

  static void get(HttpClient client, String base) throws Exception {
    check(client.send(to(base, "/hello").build(), BodyHandlers.ofString()).body().equals("hello"), "hello");
  }

  static String post(HttpClient client, String base, String body) throws Exception {
    HttpRequest request = to(base, "/echo").POST(BodyPublishers.ofString(body)).build();
    return client.send(request, BodyHandlers.ofString()).body();
  }

  /** A body of unknown length, in pieces. This client reads no answer before it has sent the whole body. */
  static void stream(HttpClient client, String base) throws Exception {
    StringBuilder whole = new StringBuilder();
    try (SubmissionPublisher<ByteBuffer> pieces = new SubmissionPublisher<>()) {
      HttpRequest request = to(base, "/echo").POST(BodyPublishers.fromPublisher(pieces)).build();
      var answer = client.sendAsync(request, BodyHandlers.ofString());
      // it subscribes when it has connected
      while (!pieces.hasSubscribers()) Thread.sleep(5);
      for (int index = 0; index < 20; index += 1) {
        pieces.submit(ByteBuffer.wrap(("piece " + index).getBytes()));
        whole.append("piece ").append(index);
      }
      pieces.close();
      check(answer.get().body().equals(whole.toString()), "what was streamed");
    }
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what + " did not come back");
  }
}
