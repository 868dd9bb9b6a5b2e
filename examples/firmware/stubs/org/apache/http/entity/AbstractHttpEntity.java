// Signatures only, so that the uploader compiles: the class is part of Android 6 but not of its class stubs. Never packed.
package org.apache.http.entity;

import org.apache.http.HttpEntity;

public abstract class AbstractHttpEntity implements HttpEntity { }
