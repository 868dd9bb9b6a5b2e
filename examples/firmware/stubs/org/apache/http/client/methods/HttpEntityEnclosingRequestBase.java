// Signatures only, so that the uploader compiles: the class is part of Android 6 but not of its class stubs. Never packed.
package org.apache.http.client.methods;

import org.apache.http.HttpEntity;

public abstract class HttpEntityEnclosingRequestBase implements HttpUriRequest {
    public void setEntity(HttpEntity entity) { }
}
