// Signatures only, so that the uploader compiles: the class is part of Android 6 but not of its class stubs. Never packed.
package org.apache.http.impl.client;

import java.io.IOException;
import org.apache.http.HttpResponse;
import org.apache.http.client.methods.HttpUriRequest;

public abstract class AbstractHttpClient {
    public final HttpResponse execute(HttpUriRequest request) throws IOException { return null; }
}
