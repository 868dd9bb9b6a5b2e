// Signatures only, so that the uploader compiles: the class is part of Android 6 but not of its class stubs. Never packed.
package org.apache.http.client.methods;

public class HttpPost extends HttpEntityEnclosingRequestBase {
    public HttpPost(String address) { }
}
